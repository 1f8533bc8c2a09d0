"""What is in a folder, for tests that nothing was left there."""


def entries(folder):
    """All names below a folder."""
    return sorted(p.name for p in folder.iterdir())
