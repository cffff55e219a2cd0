"""Multi-task learning as a person sees it."""
