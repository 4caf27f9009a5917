"""Losses, the training trainer, the two stages and the presets."""
