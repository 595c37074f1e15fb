"""POST /v1/grade: questions, rubrics and answers in, marks and reasons out."""
