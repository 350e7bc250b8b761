"""The ledger on somebody else's network: any EVM chain that speaks JSON-RPC, in the place of the embedded one."""
