"""HTTP: connections, request bodies, representations, streams and problems."""
