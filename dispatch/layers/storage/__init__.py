"""Stores: each with what brings energy in and out of it."""
