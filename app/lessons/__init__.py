"""Lessons: one guided path a technique."""
