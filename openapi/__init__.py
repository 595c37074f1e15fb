"""The OpenAPI document as it stands, and the examples that it shows, and exams graded with their model answers; data only."""
