import pytest

from lamslide_md.simulate.peptides import peptide
from lamslide_md.simulate.platforms import PlatformChoice
from lamslide_md.simulate.settings import SimulationSettings
from lamslide_md.simulate.systems import prepare

REFERENCE = PlatformChoice("Reference")


@pytest.fixture(scope="session")
def short_settings():
    """24 frames of 0.1 ps, a checkpoint every 5 frames."""
    return SimulationSettings(
        length_ps=2.4, frame_interval_ps=0.1, timestep_fs=4.0, equilibration_ps=1.0, checkpoint_interval_ps=0.5
    )


@pytest.fixture(scope="session")
def alanine_dipeptide():
    return peptide("A", capped=True)


@pytest.fixture(scope="session")
def prepared(alanine_dipeptide, short_settings):
    return prepare(alanine_dipeptide, short_settings)
