"""The community: what it agreed on, who has a seat in it, what its members decide, and how it is founded."""
