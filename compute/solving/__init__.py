"""Equations in a few real unknowns, and linear iterations: what solving for hyperparameters takes."""
