"""Solidity sources and their compiled artifacts; no Python besides this. See README.md."""
