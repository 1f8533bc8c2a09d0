"""Pretrained weights: which tensor of a foreign checkpoint is which of the net's, proven, as a file to review."""
