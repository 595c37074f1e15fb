"""Update rules of optimizers, and their traces step by step. Importing this declares them all."""

from compute.optimizers.rules import adaptive, descent, newton, signs
from compute.optimizers.rules.declaration import OPTIMIZERS

__all__ = ["OPTIMIZERS", "adaptive", "descent", "newton", "signs"]
