"""Plans for a whole neighbourhood: parts that store and convert, and the programme that runs them best."""
