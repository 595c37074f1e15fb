"""The documents that learning platforms expect, made from a grade. `catalogue.py` lists them."""
