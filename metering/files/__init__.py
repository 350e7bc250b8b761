"""Meter data that comes as a file: rows of registers, and load curves of grid operators."""
