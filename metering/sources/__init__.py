"""Transports: the only part of metering that does I/O."""
