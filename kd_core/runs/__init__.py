"""Where runs happen: the workers' own process and the queue in front of it."""
