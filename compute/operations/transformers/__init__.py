"""Layers and stacks of transformers, and whole models made of them."""
