"""What all figures share: sheets of fixed size with text and pictures, and plots (no torch)."""
