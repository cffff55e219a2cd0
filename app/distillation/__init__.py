"""Distillation as a person sees it."""
