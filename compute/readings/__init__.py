"""Readings of the graph: values, gradients, Jacobians, costs, formulas, diagrams, notes, evidence."""
