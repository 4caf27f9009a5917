"""Half a minute of damaged files for every command; `python -m tests.fuzz MINUTES` does more."""

from tests.fuzz.kinds import KINDS
from tests.fuzz.runner import search

SECONDS = 30.0


def test_damaged_files_are_refused_in_one_line_or_harmless(tmp_path):
    findings = search(SECONDS, seed=0, folder=tmp_path)
    assert not findings.faults
    assert findings.n_trials.total() >= len(KINDS)
