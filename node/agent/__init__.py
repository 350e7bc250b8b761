"""The member's agent: runs beside the node with the member's own key, and drives the devices of one home."""
