"""Update rules of optimizers, and their traces step by step. Importing this declares them all."""

from compute.optimizers import adaptive, descent, newton, signs
from compute.optimizers.declaration import OPTIMIZERS

__all__ = ["OPTIMIZERS", "adaptive", "descent", "newton", "signs"]
