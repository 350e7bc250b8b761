"""What the node keeps: append-only logs that are the truth, and an SQL projection that can be rebuilt from them."""
