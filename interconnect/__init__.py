"""Neighbourhoods together and alone: what goes to the parent market, what comes back, and how two ledgers agree on it.

Pure: time is an argument, messages go in and out as records; `node` carries them. A building, a neighbourhood, a city
and a region are the same zone with a parent above and children below. docs/INTERCONNECT.md tells the whole.
Units: Wh, µ€/kWh, n€, UTC epoch seconds; all int.
"""
