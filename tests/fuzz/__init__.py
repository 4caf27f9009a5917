"""Damaged files for every command: refused in one line, or harmless. ``python -m tests.fuzz MINUTES``."""
