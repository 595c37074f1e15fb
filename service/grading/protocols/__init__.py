"""Grading in the protocols of other platforms: their requests in, their responses out."""
