"""P1 ports of the Dutch Smart Meter Requirements, and of the countries that took them over."""
