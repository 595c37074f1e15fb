"""Activation functions: their declarations, one module per kind."""
