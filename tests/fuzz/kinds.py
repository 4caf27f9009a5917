"""Kinds of file that are damaged, the command that then reads them, and what must not have changed if it succeeds."""

from dataclasses import dataclass

from tests.fuzz.corpus import COMPARE, DISTIL, ROLLOUT, ROLLOUT_BY_MAP, SIMULATE, TRAIN
from tests.fuzz.mutations import BYTES, JSON, TEXTS, Mutation

FRAMES = ("dcd", "trr", "nc", "h5", "gro", "extxyz", "traj")


@dataclass(frozen=True)
class Kind:
    """A file and the command that reads it.

    Attributes
    ----------
    name
        For messages, and to repeat a trial.
    file
        Which is damaged.
    mutations
        How.
    arguments
        Of `lamslide`; of ``read`` those of `corpus.read_frames`.
    writes
        Folders that the command may change, or beginnings of file names.
    results
        Files that are ours and sound or refused: where the command succeeds, they are those of sound input. Nothing can
        be told of files that others wrote.
    """

    name: str
    file: str
    mutations: tuple[Mutation, ...]
    arguments: tuple[str, ...]
    writes: tuple[str, ...] = ("out/",)
    results: tuple[str, ...] = ()


def _rollouts(name: str, file: str, mutations: tuple[Mutation, ...], results: tuple[str, ...], *more: str) -> Kind:
    return Kind(name, file, mutations, (*ROLLOUT, "--out", "out/r.xtc", *more), results=results)


MODEL = _rollouts("model", "model.lamslide", BYTES, ("out/r.xtc",))
START = _rollouts("start", "start.pdb", TEXTS, (), "--start", "start.pdb")
STAGES = tuple(
    Kind(
        stage,
        f"stages/{stage}-*.safetensors",
        BYTES,
        (*TRAIN, "--checkpoints", "stages", "--out", "out/m.lamslide"),
        ("out/", "stages/"),
        ("out/m.lamslide",),
    )
    for stage in ("autoencoder", "flow")
)
MAPS = (
    Kind("map", "mapped.lamslide", BYTES, (*ROLLOUT_BY_MAP, "--out", "out/r.xtc"), results=("out/r.xtc",)),
    Kind("info map", "mapped.lamslide", BYTES, ("info", "mapped.lamslide")),
    Kind("distil", "model.lamslide", BYTES, (*DISTIL, "--out", "out/m.lamslide"), results=("out/m.lamslide",)),
    Kind(
        "map stage",
        "mapped/map-*.safetensors",
        BYTES,
        (*DISTIL, "--checkpoints", "mapped", "--out", "out/m.lamslide"),
        ("out/", "mapped/"),
        ("out/m.lamslide",),
    ),
)
GOING_ON = tuple(
    Kind(
        f"rolled {name}",
        f"rolled/{name}",
        mutations,
        (*ROLLOUT, "--out", "rolled/r.xtc", "--continue"),
        ("rolled/",),
        ("rolled/r.xtc",),
    )
    for name, mutations in (("r.restart.npz", BYTES), ("r.json", JSON), ("r.chain1.xtc", BYTES), ("r.pdb", TEXTS))
)
SIMULATED = tuple(
    Kind(
        f"half {name}",
        f"half/{name}",
        mutations,
        (*SIMULATE, "--replicates", "1", "--out", "half"),
        ("half/",),
        ("half/rep1.xtc",),
    )
    for name, mutations in (("rep1.checkpoint", BYTES), ("rep1.json", JSON), ("rep1.xtc", BYTES))
)
TRAINED = tuple(
    Kind(f"train {name}", name, mutations, (*TRAIN, "--out", "out/m.lamslide"))
    for name, mutations in (("md/rep1.xtc", BYTES), ("md/rep1.json", JSON), ("md/system.pdb", TEXTS))
)
READ = (
    Kind("read whole.xtc", "whole.xtc", BYTES, ("read", "whole.xtc", "whole.pdb"), results=("out/frames.npy",)),
    Kind("read whole.json", "whole.json", JSON, ("read", "whole.xtc", "whole.pdb")),
    Kind("read whole.pdb", "whole.pdb", TEXTS, ("read", "whole.xtc", "whole.pdb")),
    Kind("read start.pdb", "start.pdb", TEXTS, ("read", "start.pdb")),
    *(
        Kind(f"read {suffix}", f"frames.{suffix}", TEXTS if suffix in ("gro", "extxyz") else BYTES, (
            "read", f"frames.{suffix}", *(() if suffix in ("gro", "extxyz", "traj", "h5") else ("start.pdb",))
        ))
        for suffix in FRAMES
    ),
)  # fmt: skip
CONFIGS = tuple(
    _rollouts(f"config {suffix}", name, JSON if suffix == "json" else TEXTS, (), "--config", name)
    for suffix in ("toml", "json", "yaml")
    for name in (f"settings.{suffix}",)
)
OTHERS = (
    Kind("table", "one/comparison.json", JSON, ("table", "one/comparison.json", "--report", "out/t.html")),
    Kind("info model", "model.lamslide", BYTES, ("info", "model.lamslide")),
    Kind("info manifest", "whole.json", JSON, ("info", "whole.xtc")),
    Kind("compare", "md/rep1.json", JSON, (*COMPARE, "--out", "out/c.json")),
    Kind(
        "repeat",
        "whole.rollout.json",
        JSON,
        ("rollout", "--config", "whole.rollout.json", "--frames", "12", "--out", "out/r.xtc"),
    ),
    Kind(
        "repeat distil",
        "mapped.distil.json",
        JSON,
        ("distil", "--config", "mapped.distil.json", "--checkpoints", "out/stages", "--out", "out/m.lamslide"),
    ),
)
KINDS = (MODEL, START, *STAGES, *MAPS, *GOING_ON, *SIMULATED, *TRAINED, *READ, *CONFIGS, *OTHERS)
BY_NAME = {kind.name: kind for kind in KINDS}
