"""Proteins: what their fold and its motion look like, learnt from the reference and seen in every dataset."""
