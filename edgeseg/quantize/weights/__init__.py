"""Layers with weights, whatever the format, and the integers that their weights become."""
