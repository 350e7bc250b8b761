"""The `resilia` command."""
