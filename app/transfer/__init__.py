"""Transfer learning as a person sees it."""
