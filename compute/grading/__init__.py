"""Grading: a student's values laid over a computation."""
