"""Fresh inputs for a question, drawn from a seed."""
