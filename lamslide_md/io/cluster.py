"""Jobs on a dask.distributed cluster whose workers see the same file system: simulations and rollouts alike."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from lamslide_md.errors import InputError
from lamslide_md.io.manifest_models import Seconds

CONNECT_SECONDS = 10.0
LOOK_SECONDS = 1.0


class RunFile(BaseModel):
    """What a client leaves for its jobs and for the run that goes on."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False)

    jobs: Annotated[int, Field(ge=1, le=10**6)]
    run: str
    wall_time_s: Seconds


@dataclass(frozen=True)
class Task:
    """One job for a worker, whichever; when that dies another is given it.

    Attributes
    ----------
    run
        A function of a module, called with the job; it returns the message of a failure that trying again would not
        mend, or None.
    job
        Whatever can be pickled.
    output
        File that it makes, which all machines see under this name.
    key
        Unlike that of any other task.
    """

    run: Callable[..., str | None]
    job: object
    output: Path
    key: str


@contextmanager
def connected(scheduler: str) -> Iterator[Any]:
    """Connect with a scheduler.

    Parameters
    ----------
    scheduler
        Address, such as `tcp://10.0.0.1:8786`.

    Yields
    ------
    distributed.Client
        Closed at the end.

    Raises
    ------
    InputError
        If dask is not installed or the scheduler does not answer.
    """
    try:
        distributed = import_module("distributed")
    except ImportError as error:
        raise InputError('running on a cluster needs dask.distributed: pip install "lamslide_md[dask]"') from error
    try:
        client = distributed.Client(scheduler, timeout=CONNECT_SECONDS)
    except (OSError, ValueError) as error:
        raise InputError(f"no dask scheduler answers at {scheduler} ({error}); is it running and reachable?") from error
    with client:
        yield client


def run_tasks(client: Any, tasks: Sequence[Task], look: Callable[[int], None]) -> None:  # noqa: ANN401 - of an extra
    """Run tasks until all are done.

    Parameters
    ----------
    client
        From `connected`.
    tasks
        On files that the workers share.
    look
        Called every second with the number of tasks that are left, and at the end.

    Raises
    ------
    InputError
        If a task fails, the others being cancelled, or its file is not to be seen here.
    """
    futures = [client.submit(task.run, task.job, key=task.key, pure=False) for task in tasks]
    try:
        left = len(futures)
        while left:
            time.sleep(LOOK_SECONDS)
            left = sum(not future.done() for future in futures)
            look(left)
            for task, future in zip(tasks, futures, strict=True):
                if future.status in ("error", "cancelled", "lost"):
                    raise InputError(f"{task.output}: its worker failed: {future.exception()}; start again to continue")
                if future.status == "finished" and (message := future.result()):
                    raise InputError(message)
    except BaseException:
        client.cancel(futures)
        raise
    for task in tasks:
        if not task.output.is_file():
            raise InputError(
                f"{task.output} was written by a worker but is not to be seen here; use a folder that all machines "
                "share"
            )
