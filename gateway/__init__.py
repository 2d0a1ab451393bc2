"""Frames in, points posted, replies out: the service behind the handsets."""
