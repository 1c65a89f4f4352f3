"""What all figures share: text, pictures and outlines on a sheet of fixed size (no torch)."""
