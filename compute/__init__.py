"""Deep-learning layers as graphs of named values, with every reading of them.

Pure numerics: nothing in this package knows of HTTP.
"""
