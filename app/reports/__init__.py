"""A Result as files: HTML, CSV, JSON, a script."""
