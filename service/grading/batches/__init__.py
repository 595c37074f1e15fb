"""Grading of many submissions, line by line, and statistics of their marks."""
