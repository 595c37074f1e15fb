"""Reading and grading what a student wrote."""
