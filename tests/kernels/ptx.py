"""Compiles kernels for a GPU without having one: `python -m tests.kernels.ptx CAPABILITY` prints what is in them."""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource, compile as compile_kernel

from incdsl.runtime.carried import kernels

POINTERS = dict.fromkeys(("x", "weight", "bias", "added", "y", "y0", "y1", "y2", "y3"), "*bf16")
POINTERS |= {"sums": "*fp32", "arrived": "*i32"}
SIZES = {"rows", "in_h", "in_w", "out_h", "out_w", "active", "splits"}
"""Not specialized: nothing is known of them."""
INSTRUCTIONS = {
    "tensor cores": ("wgmma.mma_async", "mma.sync", "tcgen05.mma"),
    "copies of 16 bytes": ("cp.async.cg.shared.global",),
    "loads of 16 bytes": ("ld.global.v4.b32",),
    "wide stores": ("st.global.v4.b32", "st.global.v2.b32"),
}


def compiled(kernel, capability: int, warps: int, stages: int, constants: dict) -> dict[str, int]:
    """What is in a kernel for aligned tensors of bfloat16, whose channels are multiples of 16."""
    signature, aligned = {}, {}
    for place, name in enumerate(kernel.arg_names):
        if name in constants:
            signature[name] = "constexpr"
            continue
        signature[name] = POINTERS.get(name, "i32")
        if name not in SIZES and not name.startswith(("kernel", "stride", "padding")):
            aligned[(place,)] = [["tt.divisibility", 16]]
    target = GPUTarget("cuda", capability, 32)
    options = {"num_warps": warps, "num_stages": stages}
    texts = compile_kernel(ASTSource(kernel, signature, constants, aligned), target=target, options=options).asm
    found = {kind: sum(map(texts["ptx"].count, instructions)) for kind, instructions in INSTRUCTIONS.items()}
    return {**found, "bytes of stack": stack(texts["cubin"]), "waits": waits(texts["ptx"])}


def waits(ptx: str) -> bool:
    """Whether each count of arrivals, released to the whole GPU, stands behind a barrier and what was stored before."""
    before, *counts = re.split(r"atom\.(?=\S*global)", ptx)
    stored, barrier = before.rfind("st.global"), before.rfind("bar.sync")
    return all("gpu.acq_rel" in count.split("\n")[0] for count in counts) and (not counts or barrier > stored > 0)


def stack(cubin: bytes) -> int:
    """Bytes of memory that stand in for registers, for each thread."""
    program = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "cuobjdump"
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(cubin)
        file.flush()
        usage = subprocess.run([program, "-res-usage", file.name], capture_output=True, text=True, check=True).stdout
    (size,) = re.findall(r"STACK:(\d+)", usage)
    return int(size)


def convolution(capability: int, config: kernels.ConvConfig) -> dict[str, int]:
    """A padded convolution that writes two parts."""
    tile = {"ROWS": config.rows, "CHANNELS": config.channels, "DEPTH": config.depth}
    constants = {"added": None, "y2": None, "y3": None, "POINTS": False, "PADDED": True, **tile}
    if config.splits == 1:
        constants |= {"sums": None, "arrived": None}
    return compiled(kernels._convolution, capability, config.warps, config.stages, constants)


def pool(capability: int, config: kernels.PoolConfig, maximum: bool) -> dict[str, int]:
    """A 3x3 pool; an average has a bias."""
    tile = {"KERNEL_H": 3, "KERNEL_W": 3, "ROWS": config.rows, "CHANNELS": config.channels}
    constants = {"stride_h": 1, "stride_w": 1, "MAXIMUM": maximum, "COUNT_PADDING": not maximum, **tile}
    return compiled(kernels._pool, capability, config.warps, 1, constants | ({"bias": None} if maximum else {}))


if __name__ == "__main__":
    capability = int(sys.argv[1])
    convolutions = [convolution(capability, config) for config in kernels.CONV_CONFIGS]
    pools = [pool(capability, config, maximum) for config in kernels.POOL_CONFIGS for maximum in (False, True)]
    print(json.dumps({"convolutions": convolutions, "pools": pools}))
