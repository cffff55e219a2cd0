"""Drawings of the overview page."""
