"""Files in and out: the gate, readers, writers, manifests, model files."""
