"""Ranges of activations: what is remembered of tensors while images stream by, and how a range is chosen."""
