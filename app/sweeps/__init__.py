"""Sweeps on their page: what is varied, the map as it fills in."""
