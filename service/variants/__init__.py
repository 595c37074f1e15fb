"""POST /v1/variants."""
