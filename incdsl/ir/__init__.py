"""The typed graph."""
