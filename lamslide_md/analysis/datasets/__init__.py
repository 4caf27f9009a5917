"""The datasets of a comparison: reading, matching and screening them, projecting them on the reference model."""
