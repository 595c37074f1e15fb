"""Convolutions, their transposes, and pooling: all that slides windows."""
