"""Rewrites of an integer ONNX graph, each in a file of its own."""
