"""Settings: the one place that says what a person may choose, what it may be and what it means."""
