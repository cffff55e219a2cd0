"""Networks, how they are trained, and what they cost."""
