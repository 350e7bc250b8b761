"""One real day of 17 real homes through a real node."""
