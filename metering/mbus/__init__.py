"""M-Bus: heat meters, and electricity meters that answer the same way."""
