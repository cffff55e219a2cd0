"""A run on its page: who started it, how it goes, its curves."""
