"""The node: composition root of chain, storage, interfaces and command line."""
