"""The client-side parts: each its HTML, CSS and JavaScript beside one small Python mount."""
