"""Looking after a stored chain: verifying it from block 0, and pruning the state that nobody asks for any more."""
