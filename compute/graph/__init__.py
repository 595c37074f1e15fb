"""The graph of named values, and how primitives are declared."""
