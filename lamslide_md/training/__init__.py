"""Losses, the training engine, the two stages and the presets."""
