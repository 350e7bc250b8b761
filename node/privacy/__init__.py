"""A member's data in the member's hands: readings disclosed, readings erased, and the salts that both rest on."""
