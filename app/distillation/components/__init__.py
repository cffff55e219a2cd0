"""Client-side parts of distillation: soft targets, drawing pad, pitfalls, bias shifts, gradient lengths."""
