"""Meters that are not there, on lines that are."""
