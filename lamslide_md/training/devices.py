"""On which devices a training runs: checked before anything is computed, and what all of them must agree on."""

import atexit
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from numbers import Integral

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.environments import LightningEnvironment
from lightning_fabric.strategies import DDPStrategy
from torch import distributed

from lamslide_md.config import Settings
from lamslide_md.errors import InputError, option
from lamslide_md.processes import started_group

OTHER_ENDED = "another process of this training has ended; the same command goes on from the last checkpoint"


def check_devices(devices: int | None, nodes: int | None, settings: Settings) -> tuple[int, int]:
    """Find out on how many devices to train.

    Parameters
    ----------
    devices
        Wanted on each machine; None: those that torchrun was told of, or one.
    nodes
        Machines; None: those that torchrun was told of, or this one.
    settings
        Of both stages: the devices divide their batches.

    Returns
    -------
    devices, nodes
        Devices on each machine, and machines.

    Raises
    ------
    InputError
        If torchrun has started other processes, is needed, or a batch cannot be divided.
    """
    named = {"devices": devices, "nodes": nodes}
    wanted = ", ".join(f"{option(name)}={n}" for name, n in named.items() if n is not None)
    for name, n in named.items():
        if n is not None and (isinstance(n, bool) or not isinstance(n, Integral)):
            raise InputError(f"{option(name)}={n!r} must be a whole number")
    if any(n is not None and n < 1 for n in named.values()):
        raise InputError(f"{wanted}: there must be at least one of each")
    group = started_group()
    if group is not None:
        found = group.n_local, group.n_ranks // group.n_local
        if devices not in (None, found[0]) or nodes not in (None, found[1]):
            raise InputError(
                f"{wanted} were asked for, torchrun has started {found[0]} process(es) on each of {found[1]} "
                "machine(s); ask for those, or leave the numbers to torchrun"
            )
    else:
        found = devices or 1, nodes or 1
        if found[1] > 1:
            raise InputError(
                f"{wanted}: only torchrun starts processes on several machines; on each of them run torchrun --nnodes "
                f"{found[1]} --nproc-per-node {found[0]} --rdzv-backend c10d --rdzv-endpoint HOST:29500 "
                "-m lamslide_md train ..., HOST being one of them"
            )
    n = found[0] * found[1]
    for stage, own in (("autoencoder", settings.autoencoder), ("flow", settings.flow), ("flow.map", settings.flow.map)):
        size = own.optimisation.batch_size if own is not None else n
        if size % n:
            fitting = " or ".join(str(k * n) for k in (size // n, size // n + 1) if k)
            raise InputError(
                f"{stage}.optimisation.batch_size={size} cannot be divided among {n} devices; set it to {fitting}, or "
                "use another number of devices"
            )
    return found


ACCELERATORS = ("auto", "cpu", "cuda", "mps", "gpu")
"""``gpu`` is Lightning Fabric's word for either of the two before it."""


def check_accelerator(accelerator: str) -> None:
    """Refuse a kind of device that is unknown, or that this machine has not.

    Parameters
    ----------
    accelerator
        Of Lightning Fabric.

    Raises
    ------
    InputError
        With those that this machine has.
    """
    has_cuda, has_mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    there = {"auto": True, "cpu": True, "cuda": has_cuda, "mps": has_mps, "gpu": has_cuda or has_mps}
    if not (isinstance(accelerator, str) and there.get(accelerator, False)):
        what = "is not on this machine" if str(accelerator) in there else "is no kind of device"
        usable = ", ".join(name for name in ACCELERATORS if there[name])
        raise InputError(f"{option('accelerator')}={accelerator} {what}; use one of {usable}")


def single_device(accelerator: str) -> Fabric:
    """Choose one device, whatever a batch system says of others in the environment."""
    check_accelerator(accelerator)
    return Fabric(accelerator=accelerator, devices=1, plugins=[LightningEnvironment()])


def make_fabric(accelerator: str, devices: int, nodes: int) -> Fabric:
    """Choose the device of this process, and connect it with the others that were started.

    Parameters
    ----------
    accelerator
        Of Lightning Fabric.
    devices
        On each machine, as `check_devices` has found.
    nodes
        Machines.

    Returns
    -------
    Fabric
        Launched.

    Raises
    ------
    InputError
        If the machine has fewer devices.
    """
    check_accelerator(accelerator)
    if devices * nodes == 1:
        return single_device(accelerator)
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    try:
        fabric = Fabric(
            accelerator=accelerator, devices=devices, num_nodes=nodes, strategy=DDPStrategy(broadcast_buffers=False)
        )
    except (ValueError, RuntimeError) as error:
        raise InputError(f"{option('devices')}={devices}: {str(error).strip()}") from error
    fabric.launch()
    # Its threads must not outlive the interpreter: that ends a finished training by SIGABRT, now and then.
    atexit.register(_leave_group)
    return fabric


def _leave_group() -> None:
    if distributed.is_initialized():
        distributed.destroy_process_group()


def group_fabric(accelerator: str, devices: int | None, nodes: int | None, settings: Settings) -> Fabric | None:
    """Check the devices, and connect this process with those that torchrun started with it; None: it is alone."""
    check_accelerator(accelerator)
    found = check_devices(devices, nodes, settings)
    return None if started_group() is None else make_fabric(accelerator, *found)


@contextmanager
def agreed(fabric: Fabric | None) -> Iterator[None]:
    """Let an error of one process end all: each then has the same error, and the first tells the user."""
    if fabric is None or fabric.world_size == 1:
        yield
        return
    own: Exception | None = None
    try:
        yield
    except (InputError, OSError) as error:
        own = error
    said: list[str | None] = [None] * fabric.world_size
    distributed.all_gather_object(said, None if own is None else str(own))
    for text in filter(None, said):
        raise InputError(text) from own


@contextmanager
def ends_with_others() -> Iterator[None]:
    """Let a process whose fellows have ended say so, instead of how it noticed."""
    try:
        yield
    except RuntimeError as error:
        by_others = isinstance(error, distributed.DistError) or "gloo" in str(error) or "Connection" in str(error)
        if started_group() is None or not by_others:
            raise
        raise InputError(OTHER_ENDED) from error
