"""One rewrite to a file: its equation, its conditions, its edit."""
