"""Declaring operations, and building their graphs."""
