"""Prices, carbon and weather by the path of readings: several oracles, k of n agree, what they agree on is signed."""
