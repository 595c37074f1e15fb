"""Workings beside what one would write instead. How to run it and what came out: README.md."""
