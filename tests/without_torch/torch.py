"""Stands before PyTorch in the search path of processes that are to find none."""

raise ImportError("a test that is not marked `torch` imports it in a process of its own")
