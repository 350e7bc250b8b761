"""What a node answers and tells: one shape for JSON-RPC, REST, the page and the command line."""
