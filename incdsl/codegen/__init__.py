"""Graph to one standalone Python file."""
