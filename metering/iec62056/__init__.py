"""IEC 62056-21 readouts, and the register lines that other protocols share with them."""
