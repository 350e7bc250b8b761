"""An auditor's tools, over RPC or over files only."""
