"""The kinds of numbers a graph can be evaluated in, and the constants written for them."""
