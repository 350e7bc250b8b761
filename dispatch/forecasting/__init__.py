"""Forecasts of many series at once: ridge regression beside recency means, conformal quantiles, weather where known."""
