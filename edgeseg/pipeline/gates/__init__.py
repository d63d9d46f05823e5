"""Candidates held against baselines."""
