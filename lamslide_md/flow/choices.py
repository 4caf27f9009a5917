"""Kinds of identifiers and predictions by name; apart from what they do, so that settings are read without torch."""

from typing import Literal

Assignment = Literal["canonical", "random"]
"""Of identifiers to entities: always the same, or drawn anew."""

Prediction = Literal["velocity", "data", "noise"]
"""What the network of a flow answers."""
