"""Rewrites, one in each file; a docstring is its equation and its condition."""
