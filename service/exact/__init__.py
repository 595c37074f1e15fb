"""Exact arithmetic as a service: worker processes that can be stopped for certain, and what they write."""
