"""Reference simulations: peptides from a sequence, OpenMM runs, manifests."""
