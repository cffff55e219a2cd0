"""A teacher's logits from a file: read safely, checked, and what temperatures make of them. numpy, no torch."""
