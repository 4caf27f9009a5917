"""What a user installs: the wheel, outside of the checkout."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = """
import json, lamslide_md as lam
model = lam.load_pretrained("ala2")
rollout = model.rollout(n_frames=20, n_chains=2)
rollout.save("rollout.xtc")
frames = [chain.n_frames for chain in lam.read("rollout.xtc", "rollout.pdb")]
print(json.dumps({"home": lam.__file__, "frames": frames}))
"""


@pytest.mark.slow
def test_the_wheel_runs_the_alanine_dipeptide_outside_of_the_checkout(tmp_path):
    build = [sys.executable, "-m", "build", "--wheel", "--outdir", str(tmp_path), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("lamslide_md-*.whl")
    site, work = tmp_path / "site", tmp_path / "work"
    work.mkdir()
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(site), str(wheel)]
    subprocess.run(install, check=True)
    environment = os.environ | {"PYTHONPATH": str(site)}

    def run(*arguments):
        told = subprocess.run(
            [sys.executable, *arguments], cwd=work, env=environment, check=True, capture_output=True, text=True
        )
        return told.stdout

    answer = json.loads(run("-c", EXAMPLE))
    assert Path(answer["home"]).is_relative_to(site)
    assert answer["frames"] == [20, 20]
    assert "ala2" in run("-m", "lamslide_md", "models")
    compared = [
        "rollout.xtc",
        "--reference",
        "rollout.xtc",
        "--lag-ps",
        "5",
        "--clusters",
        "4",
        "--report",
        "report.html",
    ]
    run("-m", "lamslide_md", "compare", *compared)
    assert "<html" in (work / "report.html").read_text(encoding="utf-8")
