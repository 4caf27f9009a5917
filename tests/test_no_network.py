"""From a name to a report without a connection: nothing is fetched, nothing is told."""

import os
import subprocess
import sys

import pytest

from tests.fuzz.corpus import SETTINGS

FORBID = """
import sys

def forbid(event, arguments):
    if event in ("socket.getaddrinfo", "socket.gethostbyname") or event in ("socket.connect", "socket.sendto"):
        if event.startswith("socket.get") or not isinstance(arguments[1], (str, bytes)):
            raise PermissionError(f"no network: {event} {arguments[1:] or arguments}")

sys.addaudithook(forbid)
"""
"""As sitecustomize, so that child processes have it; names of files are sockets within the machine."""


@pytest.fixture
def offline(tmp_path):
    """Environment in which Python makes no connection."""
    place = tmp_path / "forbids"
    place.mkdir()
    (place / "sitecustomize.py").write_text(FORBID)
    return os.environ | {"PYTHONPATH": f"{place}:{os.getcwd()}"}


def test_the_environment_forbids_connections(offline):
    code = "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9/')"
    ended = subprocess.run([sys.executable, "-c", code], env=offline, capture_output=True, text=True, check=False)
    assert "no network" in ended.stderr


def test_no_command_needs_the_network(offline, tmp_path):
    simulate = [
        "simulate",
        "AG",
        "--ns",
        "0.02",
        "--frame-interval-ps",
        "0.1",
        "--equilibration-ps",
        "1",
        "--out",
        "md",
    ]
    train = ["train", "md/rep1.xtc", "--interval-ps", "0.5", *SETTINGS, "--out", "m.lamslide"]
    rollout = ["rollout", "m.lamslide", "--frames", "30", "--solver-steps", "2", "--out", "r.xtc"]
    compare = ["compare", "md/rep1.xtc", "--reference", "md/rep2.xtc", "--lag-ps", "0.2", "--clusters", "4"]
    compare += ["--states", "2", "--report", "r.html", "--out", "c.json"]
    commands = [simulate, train, rollout, compare, ["table", "c.json", "--report", "t.html"], ["models"]]
    code = f"from lamslide_md.cli.app import run\nfor words in {commands}: assert run(words) == 0, words"
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=offline, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    for page in ("r.html", "t.html"):
        text = (tmp_path / page).read_text(encoding="utf-8")
        for opening in ('src="http', 'href="http', "url(http", "@import", 'src="//'):
            assert opening not in text
