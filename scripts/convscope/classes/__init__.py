"""Names of the classes that networks tell apart."""
