"""Plugs and home automation over MQTT: telemetry on which nothing settles."""
