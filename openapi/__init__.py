"""The OpenAPI document as it stands, the examples that it shows, and graded exams; data only."""
