"""Equations in a few real unknowns, and linear iterations."""
