"""Price lists: read from files, compared, and asked for the price of a number."""
