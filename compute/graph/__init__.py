"""One graph of named values: what is computed from what, and how primitives are declared."""
