"""Its client-side parts."""
