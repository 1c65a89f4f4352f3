"""Invariance: how features and predictions move under translation, rotation and scale."""
