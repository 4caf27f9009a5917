"""What the reporters of OpenMM and mdtraj write, `read` reads: positions, and times."""

import mdtraj.reporters
import numpy as np
import openmm
import pytest
from openmm import unit
from openmm.app import DCDReporter, PDBFile, Simulation, XTCReporter

import lamslide_md as lam
from lamslide_md.io.times import frame_interval_of

EVERY, N_FRAMES, TIMESTEP_PS = 5, 6, 0.002


class Positions:
    """Keep the positions that the simulation had when it reported."""

    def __init__(self):
        self.frames_nm = []

    def describeNextReport(self, simulation):
        return {"steps": EVERY - simulation.currentStep % EVERY, "periodic": None, "include": ["positions"]}

    def report(self, simulation, state):
        self.frames_nm.append(state.getPositions(asNumpy=True).value_in_unit(unit.nanometer))


@pytest.mark.parametrize(
    ("ending", "reporter", "tolerance_nm"),
    [
        ("xtc", XTCReporter, 1e-3),
        ("dcd", DCDReporter, 1e-6),
        ("h5", mdtraj.reporters.HDF5Reporter, 1e-6),
        ("nc", mdtraj.reporters.NetCDFReporter, 1e-6),
    ],
)
def test_trajectories_of_reporters_are_read(prepared, tmp_path, ending, reporter, tolerance_nm):
    integrator = openmm.LangevinMiddleIntegrator(300 * unit.kelvin, 1 / unit.picosecond, TIMESTEP_PS * unit.picoseconds)
    platform = openmm.Platform.getPlatformByName("Reference")
    simulation = Simulation(prepared.topology, prepared.system, integrator, platform)
    simulation.context.setPositions(prepared.positions_nm)
    simulation.minimizeEnergy(maxIterations=50)
    path, kept = tmp_path / f"run.{ending}", Positions()
    written = reporter(str(path), EVERY)
    simulation.reporters += [written, kept]
    simulation.step(EVERY * N_FRAMES)
    if hasattr(written, "close"):
        written.close()
    simulation.reporters.clear()
    del written
    with (tmp_path / "system.pdb").open("w") as file:
        PDBFile.writeFile(prepared.topology, prepared.positions_nm * unit.nanometer, file)
    read = lam.read(
        path, top=tmp_path / "system.pdb", frame_interval_ps=EVERY * TIMESTEP_PS if ending == "dcd" else None
    )
    np.testing.assert_allclose(read.xyz, np.array(kept.frames_nm), atol=tolerance_nm)
    assert frame_interval_of(read) == pytest.approx(EVERY * TIMESTEP_PS, rel=1e-3)
