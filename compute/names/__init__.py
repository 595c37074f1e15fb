"""Names that are similar to a misspelt one, and the names that other libraries use."""
