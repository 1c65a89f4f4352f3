"""Generated scenes: one textured object decides the class; its mask and parts are known."""
