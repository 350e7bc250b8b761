"""Sources and converters without a store of their own."""
