"""HTTP: bodies, problems, streams, and where work is done."""
