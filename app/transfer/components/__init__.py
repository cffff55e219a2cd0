"""Client-side parts of transfer learning: accuracy over labels per class."""
