"""What is decided before any job runs: plain Python, no torch, fast."""
