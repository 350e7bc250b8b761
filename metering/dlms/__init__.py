"""DLMS/COSEM lists that meters push unasked, as in the Nordic countries and Austria."""
