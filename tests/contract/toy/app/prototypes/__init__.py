"""Prototypes as a person sees them."""
