"""The OpenAPI document as it stands, and the examples that it shows; data only."""
