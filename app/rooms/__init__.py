"""Class mode of a talk: phones guess at a small page of their own, and the projector shows the tally."""
