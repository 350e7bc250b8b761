"""The télé-information client (TIC) of Linky meters."""
