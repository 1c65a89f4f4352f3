"""Deconvnet: from a layer's activations back down to the pixels (Zeiler & Fergus, 2013)."""
