"""Smart Message Language, as German meters send it."""
