"""Slots of atoms in a residue and in a residue frame; numbers only, so that headers are read without torch."""

N_SLOTS = 15
"""Of a residue: fourteen heavy atoms of tryptophan and a terminal oxygen."""

MOST_SLOTS = 28
"""Of an entity with hydrogens: tryptophan and arginine, whatever their charge and at whichever end of a chain."""

NITROGEN, ALPHA, CARBONYL, OXYGEN = range(4)
"""Slots of the backbone's atoms in a residue, and of what takes their place in a cap."""

OF_BEFORE, OF_AFTER = [ALPHA, CARBONYL, OXYGEN], [NITROGEN, ALPHA]
"""Slots of a residue that are in the frame of the residue after it, and of the one before it."""

N_SHARED = len(OF_BEFORE) + len(OF_AFTER)
"""Slots of a residue frame besides those of its residue."""
