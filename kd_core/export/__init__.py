"""Trained networks without torch: their layers, their answers in numpy, and as ONNX."""
