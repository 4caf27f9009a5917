"""What the benchmarks share: the machine they ran on, and where results go."""

import json
import os
import platform
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from lamslide_md.config import Settings

RESULTS = Path(__file__).parent / "results"


def machine() -> dict[str, Any]:
    """Describe the machine and the libraries."""
    cpuinfo = Path("/proc/cpuinfo")
    names = [line.split(":")[1].strip() for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
    return {
        "cpu": names[0] if names else platform.processor(),
        "cores": os.cpu_count(),
        "torch_threads": torch.get_num_threads(),
        "load_average": os.getloadavg()[0],
        "python": platform.python_version(),
        "versions": {name: version(name) for name in ("lamslide_md", "torch", "mdtraj", "openmm", "deeptime", "numpy")},
        "date": time.strftime("%Y-%m-%d"),
    }


def write_result(name: str, content: dict[str, Any]) -> None:
    """Write figures with the machine they were measured on."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps({"machine": machine(), **content}, indent=1) + "\n", encoding="utf-8")
    print(f"written: {path}")


def fewer_steps(settings: Settings, share: float) -> str:
    """Options of a training for a share of the steps of both stages."""
    stages = {"autoencoder": settings.autoencoder, "flow": settings.flow}
    return " ".join(
        f"--set {name}.optimisation.n_steps={round(share * stage.optimisation.n_steps)}"
        for name, stage in stages.items()
    )
