"""Transformer layers, stacks of them, and whole models."""
