"""The pure vocabulary that every other root speaks: quantities, intervals, identities, results.

Units: energy in Wh, power in W, prices in µ€/kWh, money in n€, carbon in g CO2e/kWh, time in UTC epoch seconds.
All are `int`; the unit is in the name. This package imports the standard library only and reads no clock.
"""
