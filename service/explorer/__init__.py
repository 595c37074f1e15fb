"""The page at `/`: a question is filled in, asked and read beside its worked solution."""
