"""Figures of occlusion maps: places, colours, words, and the sheets of a file (no torch)."""
