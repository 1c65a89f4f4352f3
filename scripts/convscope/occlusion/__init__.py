"""Occlusion sensitivity (Zeiler & Fergus, 2013, Fig. 7): exact maps, incrementally computed."""
