"""Markov state models of discrete trajectories: counts, estimates, metastable states, paths."""
