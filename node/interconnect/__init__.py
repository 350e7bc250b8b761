"""Carries what the room `interconnect` decides from community to community, over NATS JetStream."""
