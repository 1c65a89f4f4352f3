"""Networks: their architectures, layers and weights, and the reference network."""
