"""Bounds on what callers make this process do and keep: planning, and caches."""
