"""Self-contained HTML pages that show what an experiment found (no torch)."""
