"""What the manifest of a trajectory holds: its fields, their types, and bounds that no trajectory reaches."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from lamslide_md.io.records import MANIFEST_KIND as KIND
from lamslide_md.io.records import is_plain_name


def _plain_name(name: str) -> str:
    if not is_plain_name(name):
        raise ValueError("must be the name of a file in the same folder")
    return name


# Bounds that nothing that was simulated reaches: a damaged manifest may claim anything.
Interval = Annotated[float, Field(gt=0, le=1e15)]
Temperature = Annotated[float, Field(gt=0, le=1e9)]
MOST_SECONDS = 1e12
Seconds = Annotated[float, Field(ge=0, le=MOST_SECONDS)]
Count = Annotated[int, Field(ge=1, le=10**15)]
CountFromZero = Annotated[int, Field(ge=0, le=10**18)]
FileName = Annotated[str, AfterValidator(_plain_name)]


class WrittenBy(BaseModel):
    """Which command wrote which files of the folder; `records.records_of` reads it."""

    command: str
    files: dict[FileName, str | None]
    trajectory_sha256: str | None = None
    """Of the finished trajectory; see `unchanged`."""


class Facts(BaseModel):
    """What commands add to a manifest and read again, each where it is there."""

    model_config = ConfigDict(extra="ignore", allow_inf_nan=False, strict=True)

    wall_time_s: Seconds | None = None
    n_bytes: CountFromZero | None = None
    n_frames_per_chain: Count | None = None
    fingerprint: str | None = None
    settings: dict[str, Any] = {}
    rollout: dict[str, Any] = {}


class Manifest(BaseModel):
    """What a reader needs to know of a trajectory; the writer may add more."""

    model_config = ConfigDict(extra="allow", frozen=True, allow_inf_nan=False)

    kind: str = KIND
    format_version: int = 1
    frame_interval_ps: Interval
    temperature_K: Temperature | None = None
    n_atoms: Count
    n_frames: CountFromZero | None = None
    """Frames of the finished trajectory; None while it is being written."""
    n_chains: Count = 1
    """Independent chains of equal length that stand one after another in the file."""
    trajectory: FileName | None = None
    """Name of the file that it was written for."""
    topology: FileName | None = None
    """Name of the PDB file that was written with it."""
    written_by: WrittenBy | None = None
