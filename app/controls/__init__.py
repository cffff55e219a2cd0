"""Settings as widgets, and the address as their state."""
