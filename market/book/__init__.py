"""The order book of one delivery interval: `OrderBook` in Cython, `ReferenceBook` its slow and obvious twin."""
