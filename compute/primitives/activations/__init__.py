"""Activation functions: the declarations, one module for each kind."""
