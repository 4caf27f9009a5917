"""Self-contained HTML report of a comparison."""
