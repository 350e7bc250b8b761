"""What the dispatch is worth: figures against their baselines, the best known and the target."""
