"""Validating, editing and estimating (VEE): the rules R01 to R22 in their sequence, and the estimates E1 to E3."""
