"""Where things lie, relative to the working directory."""

SHARED = "results/shared"
"""What experiments share: weights, fetched images and samples."""
