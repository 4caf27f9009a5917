"""What settings may be, by name; apart from what the names stand for, so that settings are read without torch."""

from typing import Literal

Placement = Literal["superposed", "centred", "anchored", "aligned", "local"]
"""Frames are ``superposed`` on a reference (one molecule) or ``centred`` on their mean position, one by one: only inner
motion is learned. Windows are ``anchored``, moved as a whole to the centre of their last context frame: motion of the
whole is learned, and forecasts stand in the place of what is known. ``aligned``: turned, too, to the principal axes of
the context frames, so that what a rotation changes is one thing to learn. ``local``: every residue of a chain is seen
from its own backbone (see `frames.residue_frames`); frames that are given out are superposed."""

SEEN_BY_RESIDUE: frozenset[Placement] = frozenset({"local"})
"""Placements in which residues are seen one by one, not the molecule as a whole."""

Assignment = Literal["canonical", "random"]
"""Of identifiers to entities: always the same, or drawn anew."""

Prediction = Literal["velocity", "data", "noise"]
"""What the network of a flow answers."""
