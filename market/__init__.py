"""EnerShare, the market: orders, the Cython book, the matching engine, and settlement arithmetic.

Pure: no I/O, no clock, no chance. `engine.apply(state, command, now)` is the only way to change a market.
"""
