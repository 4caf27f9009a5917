"""Trajectories in, batches of entities out."""
