"""Rollouts compared with reference MD. Knows no model."""
