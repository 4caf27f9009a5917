"""How fast datasets move: autocorrelations of their torsions, and their MSMs on the clusters of the reference."""
