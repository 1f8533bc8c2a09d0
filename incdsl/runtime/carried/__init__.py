"""Source text that a generated module for a GPU carries along: each file imports PyTorch alone, and Triton if it is there."""
