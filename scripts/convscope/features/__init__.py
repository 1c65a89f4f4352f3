"""What a network computes on images: logits, peaks and activations, kept in HDF5."""
