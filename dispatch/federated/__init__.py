"""Learning together without showing anybody's data: masked sums, drop-outs, doubt about the contributions, privacy."""
