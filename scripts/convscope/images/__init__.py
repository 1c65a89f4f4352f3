"""Images: decoded, resized and cropped once, and kept as HDF5."""
