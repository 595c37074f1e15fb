"""Whether the document is as strict as the server."""
