"""Whether a device multiplies matrices faster in bfloat16: by a few timings, and by what is known of it."""

import functools
import time
from collections.abc import Mapping
from typing import Any

import torch

from lamslide_md.config import NumberType
from lamslide_md.training.muon import newton_schulz

SHAPE = (192, 768)
"""Of the matrix that is timed: the largest of the presets for minutes."""

N_TIMINGS = 5
BFLOAT16_FLAGS = ("avx512_bf16", "amx_bf16", "bf16", "sve_bf16")
"""Of processors that have instructions for bfloat16."""

NEEDED = {True: 1.2, False: 1.5}
"""How many times as fast bfloat16 must be, with instructions for it and where none are known.

What was measured lies far off on either side (1.9 with AVX512-BF16, 0.1 with AVX2, which emulates it), so that two
trainings on one machine choose alike.
"""


def faster_type(float32_s: float, bfloat16_s: float, has_instructions: bool) -> NumberType:
    """Choose a number type by the times that the same product takes in either.

    Parameters
    ----------
    float32_s
        Time in single precision.
    bfloat16_s
        Time in bfloat16.
    has_instructions
        Whether the device is known to have instructions for bfloat16: what is emulated must win by more.

    Returns
    -------
    str
        ``bfloat16`` if it is clearly faster.
    """
    return "bfloat16" if float32_s >= NEEDED[has_instructions] * bfloat16_s else "float32"


@functools.cache
def bfloat16_speed(device: str) -> float:
    """Time an iteration of Muon in both number types.

    Parameters
    ----------
    device
        Such as ``cpu`` or ``cuda:0``.

    Returns
    -------
    float
        How many times as fast as float32 bfloat16 is; 0 where the device knows no bfloat16. Once a process.
    """
    matrix = torch.randn(SHAPE, generator=torch.Generator().manual_seed(0)).to(device)
    times_s: dict[NumberType, list[float]] = {"float32": [], "bfloat16": []}
    try:
        # The first of each warms up. One after another, so that both meet the same other work on the machine.
        for _ in range(1 + N_TIMINGS):
            for number_type, spent in times_s.items():
                started_s = time.perf_counter()
                newton_schulz(matrix, number_type)[0, 0].item()  # the number is waited for, wherever it is computed
                spent.append(time.perf_counter() - started_s)
    except (RuntimeError, TypeError):
        return 0.0
    return min(times_s["float32"][1:]) / min(times_s["bfloat16"][1:])


def has_bfloat16(device: torch.device) -> bool:
    """Tell whether a device is known to have instructions for bfloat16."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    capabilities: Mapping[str, Any] = getattr(torch.cpu, "get_capabilities", dict)() if device.type == "cpu" else {}
    return any(capabilities.get(flag) for flag in BFLOAT16_FLAGS)


def fast_type(device: torch.device) -> NumberType:
    """Choose the number type in which a device multiplies matrices where bfloat16 would do."""
    return faster_type(bfloat16_speed(str(device)), 1.0, has_bfloat16(device))
