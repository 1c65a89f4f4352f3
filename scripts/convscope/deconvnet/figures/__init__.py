"""Figures of projections: sheets, mosaics and strips (no torch)."""
