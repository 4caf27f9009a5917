"""What settings may be, by name; apart from what the names stand for, so that settings are read without torch."""

from typing import Literal

Placement = Literal["superposed", "centred", "anchored", "aligned", "local", "poses"]
"""Frames are ``superposed`` on a reference (one molecule) or ``centred`` on their mean position, one by one: only inner
motion is learned. Windows are ``anchored``, moved as a whole to the centre of their last context frame: motion of the
whole is learned, and forecasts stand in the place of what is known. ``aligned``: turned, too, to the principal axes of
the context frames, so that what a rotation changes is one thing to learn. ``local``: every residue of a chain is seen
from its own backbone (see `frames.residue_frames`); frames that are given out are superposed. ``poses``: every residue
is seen from its place in a reference that frames are superposed on (see `frames.residue_poses`): for proteins."""

SEEN_BY_RESIDUE: frozenset[Placement] = frozenset({"local", "poses"})
"""Placements in which residues are seen one by one, not the molecule as a whole."""

Tokens = Literal["latents", "frames", "windows"]
"""What attends in the flow: each latent of each frame; all latents of a frame as one; or each latent, in all frames of
the window as one."""

FirstStage = Literal["learned", "axes", "coordinates"]
"""What the latents of a frame are: what an autoencoder learns to make of it (``learned``); the leading principal
components of each entity, found in closed form (``axes``): for long chains; or the coordinates themselves
(``coordinates``), a baseline."""

Assignment = Literal["canonical", "random"]
"""Of identifiers to entities: always the same, or drawn anew."""

Prediction = Literal["velocity", "data", "noise"]
"""What the network of a flow answers."""
