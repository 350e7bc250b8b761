"""Auditing a community from what its node wrote and signed: the market, its ratings, its border."""
