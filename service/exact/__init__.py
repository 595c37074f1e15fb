"""Exact arithmetic as a service: read tensors of requests, and write answers."""
