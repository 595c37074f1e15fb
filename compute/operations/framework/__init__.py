"""How operations are declared, and built into graphs."""
