"""JSON-RPC: Ethereum's namespaces passed to the chain, and our own `energy_*`."""
