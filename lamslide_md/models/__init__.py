"""The two-stage model: autoencoder with identifiers, latent flow, interpolants, solvers. Knows no chemistry."""
