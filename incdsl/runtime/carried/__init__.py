"""What a module for a GPU carries along, as text: each file imports PyTorch alone, and Triton if it is there."""
