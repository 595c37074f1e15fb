"""POST /v1/optimizer/trace and /v1/optimizer/solve: requests, jobs and responses."""
