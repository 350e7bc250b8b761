"""Alone: when the link to the grid is lost. Who is served, in which sequence, and how the link is taken up again."""
