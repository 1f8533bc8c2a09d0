"""Every rule: before, after, declined; its conditions, and each of them deleted."""
