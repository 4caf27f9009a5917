"""The files of a rollout held against all other writers, before anything of it is looked at or written."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lamslide_md.io.locks import only_writer
from lamslide_md.io.manifests import manifest_path
from lamslide_md.io.outputs import check_place
from lamslide_md.sampling.rollout_names import check_format


@contextmanager
def only_writer_of_rollout(path: Path, *, lends: bool = False, patience_s: float = 0.0) -> Iterator[None]:
    """Hold a rollout and the files beside it, which others may be about to write: a comparison, a rollout of its stem.

    Parameters
    ----------
    path
        What the user calls it.
    lends
        Hold it for what this thread calls within, which holds it in turn.
    patience_s
        How long to wait for the one who holds it, s.

    Raises
    ------
    InputError
        If someone else holds it, the format cannot hold a rollout, or no file can be there.
    """
    check_format(path)
    check_place(path)
    companions = (manifest_path(path), path.with_suffix(".pdb"), path.with_name(f"{path.stem}.restart.npz"))
    with only_writer(*dict.fromkeys((path, *companions)), lends=lends, patience_s=patience_s):
        yield
