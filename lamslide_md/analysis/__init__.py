"""Judgement of a rollout against reference MD. Knows no model."""
