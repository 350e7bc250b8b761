"""Registers that a device has signed: charge points by OCMF, and gateways with a key in a secure element."""
