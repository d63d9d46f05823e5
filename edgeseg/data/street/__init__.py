"""Procedural street scenes: a small painter's-algorithm renderer in numpy."""
