"""What can be said about a net without running it."""
