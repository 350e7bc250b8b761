"""Keys: where they lie, on this machine, in a module or on another machine, and how one follows another."""
