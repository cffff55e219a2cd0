"""Meta-learning as a person sees it."""
