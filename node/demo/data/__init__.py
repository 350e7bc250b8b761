"""Real load, solar and tariff data of 17 homes; see README.md in this folder."""
