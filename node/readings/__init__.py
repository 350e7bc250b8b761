"""From a meter's frame to readings that oracles signed and the chain has: hear, check, agree, draft, correct, post."""
