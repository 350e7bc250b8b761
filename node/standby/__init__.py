"""A second node beside the first: blocks and logs followed, nothing acknowledged before it has them."""
