"""Talks: a technique in a few steps for a room."""
