"""Client-side parts of meta-learning: two networks that adapt to a sinusoid."""
