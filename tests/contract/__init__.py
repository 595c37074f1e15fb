"""The contract on the wire: answers and document of the last release, and what may differ."""
