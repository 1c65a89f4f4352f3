"""Images made by optimisation: what maximises a class, and what a layer's code still holds."""
