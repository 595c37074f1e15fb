"""The schemas of requests and responses, derived from the declarations of operations."""
