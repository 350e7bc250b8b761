"""A run from attested intervals to the chain, and what follows: answers, mending, ratings, certificates' evidence."""
