"""From a model to frames: chains, rollouts, starts, bridges."""
