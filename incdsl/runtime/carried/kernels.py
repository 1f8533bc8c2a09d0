"""Convolution and pools of channels_last images, each one Triton kernel with its bias, ReLU and target.

Where a kernel cannot run, plain ops compute the same.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

try:
    import triton
    import triton.language as tl
    from triton.language import constexpr
except ImportError:
    triton, constexpr = None, int

Pair = tuple[int, int]
Shape = tuple[int, int, int, int]


class ConvConfig(NamedTuple):
    """How a convolution is cut up: a program computes `rows` pixels by `channels`, `depth` input channels at a time.

    With more `splits` than one, as many programs share the sums of a tile, and the last of them adds up.
    """

    rows: int
    channels: int
    depth: int
    warps: int
    stages: int
    splits: int = 1


class PoolConfig(NamedTuple):
    """How a pool is cut up: a program computes `rows` pixels by `channels`."""

    rows: int
    channels: int
    warps: int


CONV_CONFIGS = (
    ConvConfig(128, 128, 64, 8, 3),
    ConvConfig(128, 64, 64, 4, 3),
    ConvConfig(64, 128, 64, 4, 3),
    ConvConfig(64, 64, 64, 4, 4),
    ConvConfig(128, 32, 32, 4, 4),
    ConvConfig(128, 32, 16, 4, 4),
    ConvConfig(64, 32, 64, 4, 4),
    ConvConfig(64, 64, 32, 4, 4),
    ConvConfig(32, 64, 64, 4, 4),
    ConvConfig(32, 32, 64, 4, 4),
    ConvConfig(32, 32, 32, 4, 3),
    ConvConfig(16, 32, 128, 4, 3),
    ConvConfig(64, 64, 64, 4, 4, 4),
    ConvConfig(64, 32, 64, 4, 4, 4),
    ConvConfig(32, 32, 64, 4, 3, 4),
    ConvConfig(32, 32, 64, 4, 3, 8),
)
"""What a tuner may choose from, the largest tiles first, and last those that programs share."""
POOL_CONFIGS = (PoolConfig(32, 64, 4), PoolConfig(16, 64, 4), PoolConfig(8, 128, 4), PoolConfig(16, 32, 2))
PROGRAMS = 128
"""About as many programs as a large GPU runs at once, one on each multiprocessor."""
SHARED = 96 * 1024
"""Bytes of shared memory that every GPU since Ampere has for a program."""
COUNTERS, ALIGNED = 2**18, 4
"""Counters of shared tiles that are made at once for the CUDA graphs to come, and how many fill 16 bytes."""
FEWEST_STEPS = 2
"""Steps of a program that shares its tile with others, at least."""
SHALLOWEST = 16
"""Channels that tensor cores multiply at least."""
LARGEST_POOL = 64
"""Cells of a window that are unrolled."""
INDEXED = 2**31 - 2**10
"""Rows and offsets in one image are 32 bits, and a tile may reach over the last row."""
MULTIPLIES_FLOAT64 = triton is not None and tuple(map(int, triton.__version__.split(".")[:2])) >= (3, 5)
TYPES = (torch.float16, torch.bfloat16, torch.float32, *([torch.float64] if MULTIPLIES_FLOAT64 else []))


def jit(*sizes: str) -> Callable[[Any], Any]:
    """`triton.jit` that does not compile again when these arguments change; without Triton nothing happens."""
    return triton.jit(do_not_specialize=sizes) if triton else lambda kernel: kernel


@jit()
def _tile(columns, ROWS: constexpr, CHANNELS: constexpr):
    """The rows of this program and its first channel; programs on the same rows follow each other, for the cache."""
    program, tiles = tl.program_id(0), tl.cdiv(columns, CHANNELS)
    return program // tiles * ROWS + tl.arange(0, ROWS), program % tiles * CHANNELS


@jit()
def _window(x, x_pixel, row, in_h, in_w, out_h, out_w, stride_h, stride_w, padding_h, padding_w):
    """For each row the image that it reads, and where in it the window starts, which may be outside."""
    image, place = row // (out_h * out_w), row % (out_h * out_w)
    top = place // out_w * stride_h - padding_h
    left = place % out_w * stride_w - padding_w
    return x + image.to(tl.int64) * (in_h * in_w * x_pixel), top, left


@jit()
def _finished(total, bias, channel, columns, active):
    """The sums with their bias, and ReLU for the first `active` channels; not a number stays what it is."""
    if bias is not None:
        total += tl.load(bias + channel, mask=channel < columns, other=0.0).to(total.dtype)[None, :]
    return tl.where((channel < active)[None, :] & (total < 0), 0.0, total)


@jit()
def _added_up(total, sums, arrived, splits, ROWS: constexpr, CHANNELS: constexpr):
    """What all programs of this tile have, always added in the same order, and whether this is the last of them.

    The others have left theirs, and have nothing more to do.
    """
    tile = tl.program_id(0)
    cell = tl.arange(0, ROWS)[:, None] * CHANNELS + tl.arange(0, CHANNELS)[None, :]
    place = sums + tile.to(tl.int64) * splits * (ROWS * CHANNELS) + cell
    tl.store(place + tl.program_id(1) * (ROWS * CHANNELS), total)
    tl.debug_barrier()  # all of it is written before this program counts as arrived
    last = tl.atomic_add(arrived + tile, 1) == splits - 1
    if last:
        total = tl.zeros_like(total)
        for split in range(splits):
            total += tl.load(place + split * (ROWS * CHANNELS), cache_modifier=".cg")
        tl.store(arrived + tile, 0)
    return total, last


@jit()
def _store(y, y_pixel, first, last, total, row, rows, start, CHANNELS: constexpr):
    """Write what a tile has of the channels from `first` to `last`, which are all that `y` has."""
    if (start < last) & (start + CHANNELS > first):
        channel = start + tl.arange(0, CHANNELS)
        place = y + row.to(tl.int64)[:, None] * y_pixel + (channel - first)[None, :]
        mask = (row < rows)[:, None] & ((channel >= first) & (channel < last))[None, :]
        tl.store(place, total.to(y.dtype.element_ty), mask=mask)


@jit(
    "rows", "in_h", "in_w", "out_h", "out_w", "kernel_h", "kernel_w", "stride_h", "stride_w", "padding_h", "padding_w",
    "active", "splits",
)  # fmt: skip
def _convolution(
    x, weight, bias, added, y0, y1, y2, y3, sums, arrived,
    x_pixel, added_pixel, pixel0, pixel1, pixel2, pixel3, end0, end1, end2,
    rows, in_channels, out_channels, in_h, in_w, out_h, out_w, kernel_h, kernel_w, stride_h, stride_w,
    padding_h, padding_w, active, splits,
    POINTS: constexpr, PADDED: constexpr, ROWS: constexpr, CHANNELS: constexpr, DEPTH: constexpr,
):  # fmt: skip
    """[rows, taps * in_channels] x [taps * in_channels, out_channels], the left matrix gathered from windows of `x`.

    `POINTS` says that a window is one pixel. With `sums`, programs of one tile share its steps: each leaves what it has
    there, and the last that has `arrived` adds up, always in the same order.
    """
    row, start = _tile(out_channels, ROWS, CHANNELS)
    channel = start + tl.arange(0, CHANNELS)
    image, top, left = _window(x, x_pixel, row, in_h, in_w, out_h, out_w, stride_h, stride_w, padding_h, padding_w)
    taps = kernel_h * kernel_w
    steps = tl.cdiv(in_channels, DEPTH)
    filters = weight + channel * (taps * in_channels)
    wide = tl.float64 if x.dtype.element_ty == tl.float64 else tl.float32
    total = tl.zeros((ROWS, CHANNELS), wide)
    begin, end = 0, taps * steps
    if sums is not None:
        share = tl.cdiv(end, splits)
        begin = tl.program_id(1) * share
        end = tl.minimum(begin + share, end)
    for step in range(begin, end):
        tap = 0 if POINTS else step // steps
        depth = (step - tap * steps) * DEPTH + tl.arange(0, DEPTH)
        h, w = top, left
        if not POINTS:
            h, w = top + tap // kernel_w, left + tap % kernel_w
        seen = row < rows
        if PADDED:
            seen = seen & (h >= 0) & (h < in_h) & (w >= 0) & (w < in_w)
        cells = ((h * in_w + w) * x_pixel)[:, None] + depth[None, :]
        deep = depth < in_channels
        a = tl.load(image[:, None] + cells, mask=seen[:, None] & deep[None, :], other=0.0)
        b = tl.load(
            filters[None, :] + (tap * in_channels + depth)[:, None],
            mask=deep[:, None] & (channel < out_channels)[None, :],
            other=0.0,
        )
        total = tl.dot(a, b, total, input_precision="ieee", out_dtype=wide)
    last = True
    if sums is not None:
        total, last = _added_up(total, sums, arrived, splits, ROWS, CHANNELS)
    if last:
        if added is not None:
            place = added + row.to(tl.int64)[:, None] * added_pixel + channel[None, :]
            mask = (row < rows)[:, None] & (channel < out_channels)[None, :]
            total += tl.load(place, mask=mask, other=0.0).to(wide)
        total = _finished(total, bias, channel, out_channels, active)
        _store(y0, pixel0, 0, end0, total, row, rows, start, CHANNELS)
        if y1 is not None:
            _store(y1, pixel1, end0, end1, total, row, rows, start, CHANNELS)
        if y2 is not None:
            _store(y2, pixel2, end1, end2, total, row, rows, start, CHANNELS)
        if y3 is not None:
            _store(y3, pixel3, end2, out_channels, total, row, rows, start, CHANNELS)


@jit("rows", "in_h", "in_w", "out_h", "out_w", "active")
def _pool(
    x, bias, y, x_pixel, y_pixel, rows, channels, in_h, in_w, out_h, out_w, stride_h, stride_w, padding_h, padding_w,
    active, MAXIMUM: constexpr, COUNT_PADDING: constexpr, KERNEL_H: constexpr, KERNEL_W: constexpr,
    ROWS: constexpr, CHANNELS: constexpr,
):  # fmt: skip
    """Of each window of `x` the maximum, or the mean over its cells in the image or over all."""
    row, start = _tile(channels, ROWS, CHANNELS)
    channel = start + tl.arange(0, CHANNELS)
    image, top, left = _window(x, x_pixel, row, in_h, in_w, out_h, out_w, stride_h, stride_w, padding_h, padding_w)
    wide = tl.float64 if x.dtype.element_ty == tl.float64 else tl.float32
    padded = float("-inf") if MAXIMUM else 0.0
    total = tl.full((ROWS, CHANNELS), padded, wide)
    for r in tl.static_range(KERNEL_H):
        for s in tl.static_range(KERNEL_W):
            h, w = top + r, left + s
            seen = (row < rows) & (h >= 0) & (h < in_h) & (w >= 0) & (w < in_w)
            cells = ((h * in_w + w) * x_pixel)[:, None] + channel[None, :]
            mask = seen[:, None] & (channel < channels)[None, :]
            cell = tl.load(image[:, None] + cells, mask=mask, other=padded).to(wide)
            if MAXIMUM:
                total = tl.maximum(total, cell, propagate_nan=tl.PropagateNan.ALL)
            else:
                total += cell
    if COUNT_PADDING:
        total = total / (KERNEL_H * KERNEL_W)
    elif not MAXIMUM:
        high = tl.minimum(top + KERNEL_H, in_h) - tl.maximum(top, 0)
        broad = tl.minimum(left + KERNEL_W, in_w) - tl.maximum(left, 0)
        total = total / (high * broad).to(wide)[:, None]
    total = _finished(total, bias, channel, channels, active)
    _store(y, y_pixel, 0, channels, total, row, rows, start, CHANNELS)


def convolve(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    stride: Pair = (1, 1),
    padding: Pair = (0, 0),
    active: int = 0,
    added: Tensor | None = None,
    out: Tensor | None = None,
    config: ConvConfig | None = None,
) -> Tensor:
    """`conv2d`, plus `added`, then ReLU for the first `active` channels; written into `out` if it is given.

    Args:
        x: [N, C, H, W], also a channel range of channels_last memory.
        weight: [O, C, h, w]; the kernel reads channels_last memory, anything else is copied at each call.
        bias: [O].
        added: [N, O, H', W'].
        out: [N, O, H', W'], also a channel range; it must not overlap what is read.
    """
    made = _convolved(x, weight, bias, (out,), stride, padding, active, added, config)
    if made is not None:
        return made[0]
    y = F.conv2d(x, weight, bias, stride, padding)
    return _written(_rectified(y if added is None else y + added, active), out)


def convolve_split(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    widths: Sequence[int],
    outs: Sequence[Tensor | None] = (),
    *,
    stride: Pair = (1, 1),
    padding: Pair = (0, 0),
    active: int = 0,
    config: ConvConfig | None = None,
) -> tuple[Tensor, ...]:
    """`convolve`, its channels split into parts of these widths, written into `outs` of the same where there are such.

    The kernel writes up to four parts.
    """
    given = [*outs, *[None] * (len(widths) - len(outs))]
    parts = [width if out is None else out for width, out in zip(widths, given, strict=True)]
    made = _convolved(x, weight, bias, parts, stride, padding, active, None, config)
    if made is not None:
        return made
    y = _rectified(F.conv2d(x, weight, bias, stride, padding), active)
    pieces = y.split(list(widths), 1)
    return tuple(_written(pieces[i], part) for i, part in enumerate(parts))


def average_pool(
    x: Tensor,
    kernel: Pair,
    bias: Tensor | None = None,
    *,
    stride: Pair = (1, 1),
    padding: Pair = (0, 0),
    count_include_pad: bool = True,
    active: int = 0,
    out: Tensor | None = None,
    config: PoolConfig | None = None,
) -> Tensor:
    """`avg_pool2d`, plus `bias`, then ReLU for the first `active` channels; written into `out` if it is given.

    Args:
        x: [N, C, H, W], also a channel range of channels_last memory.
        kernel: Height and width of a window.
        bias: [C].
        out: [N, C, H', W'], also a channel range; it must not overlap `x`.
    """
    made = _pooled(x, bias, kernel, stride, padding, False, count_include_pad, active, out, config)
    if made is not None:
        return made
    y = F.avg_pool2d(x, kernel, stride, padding, count_include_pad=count_include_pad)
    return _written(_rectified(y if bias is None else y + bias.view(-1, 1, 1), active), out)


def max_pool(
    x: Tensor,
    kernel: Pair,
    *,
    stride: Pair = (1, 1),
    padding: Pair = (0, 0),
    out: Tensor | None = None,
    config: PoolConfig | None = None,
) -> Tensor:
    """`max_pool2d`; written into `out`, also a channel range, if it is given."""
    made = _pooled(x, None, kernel, stride, padding, True, False, 0, out, config)
    return _written(F.max_pool2d(x, kernel, stride, padding), out) if made is None else made


def conv_configs(in_channels: int, item_bytes: int, taps: int = 1) -> list[ConvConfig]:
    """What suits convolutions of so many channels, of numbers of so many bytes; `taps` are the pixels of a window.

    Programs share a tile only if each has a few steps.
    """
    return [
        each
        for each in CONV_CONFIGS
        if _shared(each, item_bytes) <= SHARED
        and each.depth < 2 * max(in_channels, SHALLOWEST)
        and (each.splits == 1 or taps * -(-in_channels // each.depth) >= FEWEST_STEPS * each.splits)
    ]


def conv_config(rows: int, in_channels: int, channels: int, item_bytes: int, taps: int = 1) -> ConvConfig:
    """The largest tiles of which there are enough programs, otherwise the smallest, for channels of these numbers."""
    suiting = conv_configs(in_channels, item_bytes, taps)
    enough = (each for each in suiting if _programs(each, rows, channels) >= PROGRAMS and each.channels < 2 * channels)
    return next(enough, suiting[-1])


def pool_config(rows: int, channels: int) -> PoolConfig:
    """The largest tiles of which there are enough programs; otherwise the smallest."""
    enough = (each for each in POOL_CONFIGS if _programs(each, rows, channels) >= PROGRAMS)
    return next(enough, POOL_CONFIGS[-1])


def pixel_stride(x: Tensor) -> int:
    """Elements from one pixel to the next, as in channels_last memory and in a channel range of it; 0 if uneven."""
    batch, channels, height, width = x.shape
    sizes = ((width, x.stride(3)), (height, x.stride(2)), (batch, x.stride(0)))
    pixel = next((stride for size, stride in sizes if size > 1), channels)
    even = (height == 1 or x.stride(2) == width * pixel) and (batch == 1 or x.stride(0) == height * width * pixel)
    return pixel if even and pixel >= channels and (channels == 1 or x.stride(1) == 1) else 0


def _shared(config: ConvConfig, item_bytes: int) -> int:
    """Bytes of shared memory: both matrices of every stage."""
    return (config.rows + config.channels) * config.depth * item_bytes * config.stages


def _programs(config: ConvConfig | PoolConfig, rows: int, channels: int) -> int:
    return _tiles(config, rows, channels) * (config.splits if isinstance(config, ConvConfig) else 1)


def _tiles(config: ConvConfig | PoolConfig, rows: int, channels: int) -> int:
    return -(-rows // config.rows) * -(-channels // config.channels)


_FREE: dict[torch.device, Tensor] = {}
_GIVEN: list[Tensor] = []
"""All that counters were taken from: CUDA graphs use them when nobody else knows them any more."""
_LOCK = threading.Lock()


def _counters(count: int, device: torch.device, captured: bool) -> Tensor:
    """Zeros that a kernel leaves as zeros, at an address that suits it.

    Each launch in a CUDA graph has its own, for several may run at once. What is there for them is filled up between
    captures; if it is not enough, zeros are made at each replay.
    """
    aligned = -(-count // ALIGNED) * ALIGNED
    with _LOCK:
        free = _FREE.get(device)
        if captured and free is not None and len(free) >= aligned:
            _FREE[device] = free[aligned:]
            return free[:count]
        if not captured and (free is None or len(free) < COUNTERS // 4):
            _FREE[device] = torch.zeros(COUNTERS, dtype=torch.int32, device=device)
            _GIVEN.append(_FREE[device])
    return torch.zeros(count, dtype=torch.int32, device=device)


def _native(first: Tensor, *others: Tensor | None) -> bool:
    """Whether Triton may compute: without gradients, tracing and autocast, on tensors of one type and device."""
    if triton is None or torch.is_grad_enabled() or torch.compiler.is_compiling() or torch.jit.is_tracing():  # type: ignore[attr-defined]
        return False
    runs = first.is_cuda or not isinstance(_convolution, triton.JITFunction)  # an interpreted kernel runs anywhere
    alike = all(each is None or (each.dtype, each.device) == (first.dtype, first.device) for each in others)
    return runs and alike and first.dtype in TYPES and not torch.is_autocast_enabled(first.device.type)


def _swept(x: Tensor, kernel: Sequence[int], stride: Pair, padding: Pair) -> Pair:
    """Height and width of what windows make of an image."""
    height, width = (
        (size + 2 * p - k) // s + 1 for size, k, s, p in zip(x.shape[2:], kernel, stride, padding, strict=True)
    )
    return height, width


def _can_write(part: Tensor | int | None, shape: Shape) -> bool:
    return not isinstance(part, Tensor) or (part.shape == shape and pixel_stride(part) > 0)


def _indexed(x: Tensor, shape: Shape) -> bool:
    """Whether there is something to compute, and 32 bits count its pixels and what is in one image."""
    one_image = x.shape[2] * x.shape[3] * (pixel_stride(x) or x.shape[1])
    return min(*x.shape, *shape) > 0 and shape[0] * shape[2] * shape[3] < INDEXED and one_image < INDEXED


def _target(x: Tensor, shape: Shape, part: Tensor | int | None) -> Tensor:
    """Where a part is written."""
    if isinstance(part, Tensor):
        return part
    return torch.empty(shape, dtype=x.dtype, device=x.device, memory_format=torch.channels_last)


def _channels_last(x: Tensor) -> Tensor:
    """The same numbers where a kernel can read them."""
    return x if pixel_stride(x) else x.contiguous(memory_format=torch.channels_last)


def _rectified(y: Tensor, active: int) -> Tensor:
    if active:
        y[:, :active].relu_()
    return y


def _written(y: Tensor, part: Tensor | int | None) -> Tensor:
    return y if part is None or isinstance(part, int) else part.copy_(y)


def _convolved(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    parts: Sequence[Tensor | int | None],
    stride: Pair,
    padding: Pair,
    active: int,
    added: Tensor | None,
    config: ConvConfig | None,
) -> tuple[Tensor, ...] | None:
    """What the kernel makes of all shapes, layouts and sizes that suit it."""
    if not _native(x, weight, bias, added, *(part for part in parts if isinstance(part, Tensor))):
        return None
    channels, in_channels, *kernel = weight.shape
    size = _swept(x, kernel, stride, padding)
    widths = [channels if part is None else part if isinstance(part, int) else part.shape[1] for part in parts]
    shape, shapes = (len(x), channels, *size), [(len(x), width, *size) for width in widths]
    shaped = in_channels == x.shape[1] and (bias is None or bias.shape == (channels,))
    split = len(parts) <= 4 and sum(widths) == channels and all(map(_can_write, parts, shapes))
    beside = added is None or added.shape == shape
    if not (shaped and split and beside and _indexed(x, shape) and weight.numel() < INDEXED):
        return None
    outs = tuple(_target(x, *each) for each in zip(shapes, parts, strict=True))
    _launch_convolution(x, weight, bias, added, outs, stride, padding, active, config)
    return outs


def _launch_convolution(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    added: Tensor | None,
    outs: Sequence[Tensor],
    stride: Pair,
    padding: Pair,
    active: int,
    config: ConvConfig | None,
) -> None:
    x, weight = _channels_last(x), weight.contiguous(memory_format=torch.channels_last)
    added = None if added is None else _channels_last(added)
    out_h, out_w = outs[0].shape[2:]
    rows, channels = len(x) * out_h * out_w, len(weight)
    taps = weight.shape[2] * weight.shape[3]
    tile = ConvConfig(*config) if config else conv_config(rows, x.shape[1], channels, x.element_size(), taps)
    ends = [sum(out.shape[1] for out in outs[: i + 1]) for i in range(4)]
    pixels = [pixel_stride(out) for out in outs]
    absent, tiles = 4 - len(outs), _tiles(tile, rows, channels)
    sums = arrived = None
    with torch.cuda.device_of(x):
        if tile.splits > 1:
            wide = torch.float64 if x.dtype == torch.float64 else torch.float32
            sums = torch.empty(tiles * tile.splits * tile.rows * tile.channels, dtype=wide, device=x.device)
            arrived = _counters(tiles, x.device, x.is_cuda and torch.cuda.is_current_stream_capturing())
        _convolution[(tiles, tile.splits)](
            x, weight, None if bias is None else bias.contiguous(), added, *outs, *[None] * absent, sums, arrived,
            pixel_stride(x), 0 if added is None else pixel_stride(added), *pixels, *[0] * absent, *ends[:3],
            rows, x.shape[1], channels, *x.shape[2:], out_h, out_w, *weight.shape[2:], *stride, *padding, active,
            tile.splits, POINTS=weight.shape[2:] == (1, 1), PADDED=any(padding),
            ROWS=tile.rows, CHANNELS=tile.channels, DEPTH=tile.depth,
            num_warps=tile.warps, num_stages=tile.stages,
        )  # fmt: skip


def _pooled(
    x: Tensor,
    bias: Tensor | None,
    kernel: Pair,
    stride: Pair,
    padding: Pair,
    maximum: bool,
    count_include_pad: bool,
    active: int,
    out: Tensor | None,
    config: PoolConfig | None,
) -> Tensor | None:
    """What the kernel makes of all shapes, layouts and sizes that suit it."""
    if not _native(x, bias, out):
        return None
    batch, channels, in_h, in_w = x.shape
    out_h, out_w = _swept(x, kernel, stride, padding)
    shape, rows = (batch, channels, out_h, out_w), batch * out_h * out_w
    padded = all(2 * p <= k for p, k in zip(padding, kernel, strict=True))
    shaped = _can_write(out, shape) and (bias is None or bias.shape == (channels,))
    if not (padded and shaped and kernel[0] * kernel[1] <= LARGEST_POOL and _indexed(x, shape)):
        return None
    x, y = _channels_last(x), _target(x, shape, out)
    tile = PoolConfig(*config) if config else pool_config(rows, channels)
    with torch.cuda.device_of(x):
        _pool[(_programs(tile, rows, channels),)](
            x, None if bias is None else bias.contiguous(), y, pixel_stride(x), pixel_stride(y),
            rows, channels, in_h, in_w, out_h, out_w, *stride, *padding, active,
            MAXIMUM=maximum, COUNT_PADDING=count_include_pad, KERNEL_H=kernel[0], KERNEL_W=kernel[1],
            ROWS=tile.rows, CHANNELS=tile.channels, num_warps=tile.warps,
        )  # fmt: skip
    return y
