"""The lessons: one guided path a technique, as data. `step.py` says what a step is made of."""
