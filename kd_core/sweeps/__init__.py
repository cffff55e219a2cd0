"""Sweeps: settings varied over a grid, or searched."""
