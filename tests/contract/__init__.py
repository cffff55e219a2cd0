"""What every technique must pass."""
