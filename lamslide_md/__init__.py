"""LaM-SLidE as a molecular-dynamics surrogate: learn from a trajectory, roll out, and compare the rollout with MD.

The names below are the public interface; they are imported when first used, so that ``lamslide --help`` stays fast.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lamslide_md.analysis.compare import compare
    from lamslide_md.analysis.compare.comparison import Comparison
    from lamslide_md.config import Settings
    from lamslide_md.distilling import distil
    from lamslide_md.errors import InputError
    from lamslide_md.io.readers import read
    from lamslide_md.pretrained import load_pretrained
    from lamslide_md.sampling.forecasting import forecast
    from lamslide_md.sampling.rollout import Rollout
    from lamslide_md.surrogate import Surrogate
    from lamslide_md.systems.entities import Entities
    from lamslide_md.systems.system import PointTrajectory, System

# Read when torch is loaded. Threads that wait by spinning keep the cores from each other as soon as anything else runs:
# small networks then train ten times slower than with one thread. Waiting briefly costs a tenth on an idle machine.
os.environ.setdefault("GOMP_SPINCOUNT", "2000")

__version__ = "0.2.0"

__all__ = [
    "Comparison",
    "Entities",
    "InputError",
    "PointTrajectory",
    "Rollout",
    "Settings",
    "Surrogate",
    "System",
    "compare",
    "distil",
    "forecast",
    "load_pretrained",
    "read",
]

_HOMES = {
    "Comparison": "lamslide_md.analysis.compare",
    "Entities": "lamslide_md.systems.entities",
    "InputError": "lamslide_md.errors",
    "PointTrajectory": "lamslide_md.systems.system",
    "Rollout": "lamslide_md.sampling.rollout",
    "Settings": "lamslide_md.config",
    "Surrogate": "lamslide_md.surrogate",
    "System": "lamslide_md.systems.system",
    "compare": "lamslide_md.analysis.compare",
    "distil": "lamslide_md.distilling",
    "forecast": "lamslide_md.sampling.forecasting",
    "load_pretrained": "lamslide_md.pretrained",
    "read": "lamslide_md.io.readers",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - any public name
    """Import a public name from its home on first use (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'lamslide_md' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
