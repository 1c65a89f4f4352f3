"""Variants: rotations, occlusions and general affine forms of an image, made when used."""
