"""How far the values of a module see, by which cells of the input their gradients reach."""

import torch


def farthest(module, channels, size, trials=6):
    """The height and width of the largest part of an input [channels, size, size] that one value in its middle reads.

    What a maximum does not choose has no gradient, so several inputs are tried, and several values.
    """
    (_, _, rows, columns) = module(torch.zeros(2, channels, size, size, dtype=torch.float64)).shape
    found = [0, 0]
    for row in range(rows // 2, min(rows, rows // 2 + 8)):
        column = columns // 2 + (row - rows // 2)
        if column >= columns:
            continue
        touched = torch.zeros(size, size, dtype=torch.bool)
        for seed in range(trials):
            generator = torch.Generator().manual_seed(seed)
            x = torch.randn(2, channels, size, size, generator=generator, dtype=torch.float64, requires_grad=True)
            y = module(x)[:1, :, row, column]
            (gradient,) = torch.autograd.grad((y * torch.linspace(1, 2, y.shape[1], dtype=y.dtype)).sum(), x)
            touched |= gradient[0].ne(0).any(0)
        cells = touched.nonzero()
        if len(cells):
            extents = (cells.amax(0) - cells.amin(0) + 1).tolist()
            found = [max(a, b) for a, b in zip(found, extents, strict=True)]
    return tuple(found)
