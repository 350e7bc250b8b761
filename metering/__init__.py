"""What a house really used: meter protocols, registers, validation, readings. I/O only in `metering.sources`."""
