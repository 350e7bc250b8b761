"""The embedded chain. The only package that imports py-evm; everybody else speaks JSON-RPC to it."""
