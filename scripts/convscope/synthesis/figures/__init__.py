"""Figures of maximised classes and inverted layers; needs no torch."""
