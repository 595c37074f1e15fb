"""Runs of optimizers: objectives, traces, what is read from them, and solving for hyperparameters."""
