"""Knowledge distillation and transfer on small image data: the core, which knows nothing of any screen."""
