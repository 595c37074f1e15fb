"""Students' answers made by plain NumPy and formulas by hand, which grading is held against."""
