"""Programs: lines of a small formula language, read by whitelist and built into a graph. Never executed."""
