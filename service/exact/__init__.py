"""Exact arithmetic as a service: tensors as they come, and answers as they are written."""
