"""Paths, priors and solvers of the flow: no chemistry, no networks."""
