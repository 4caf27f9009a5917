"""What moves: entities, bonds, symmetry, learned bounds; one matcher, one bond finder."""
