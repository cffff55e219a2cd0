"""Client-side parts of multi-task learning: two task gradients and their weighted step."""
