"""Damage files and see what the commands make of them.

    python -m tests.fuzz 30                            # minutes
    python -m tests.fuzz 30 --seed 7                   # the same damage again
    python -m tests.fuzz 5 --kinds model table         # of these files only; their names are those printed
    python -m tests.fuzz --repeat model runs/fuzz/model-123

Damaged files that were neither refused in one line nor harmless are kept in runs/fuzz.
"""

import argparse
import sys
import time
from pathlib import Path

from tests.fuzz.kinds import BY_NAME, KINDS
from tests.fuzz.runner import Worker, search

KEPT = Path(__file__).parents[2] / "runs" / "fuzz"


def main() -> int:
    """Run from the command line; 1 if there were faults."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("minutes", type=float, nargs="?", default=1.0)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--kinds", nargs="+", choices=BY_NAME, default=list(BY_NAME))
    parser.add_argument("--repeat", nargs=2, metavar=("KIND", "FILE"))
    args = parser.parse_args()
    KEPT.mkdir(parents=True, exist_ok=True)
    if args.repeat:
        index = KINDS.index(BY_NAME[args.repeat[0]])
        worker = Worker(KEPT / "last", [index])
        print(worker.ask(index, str(Path(args.repeat[1]).absolute())) or "refused, or harmless")
        worker.close()
        return 0
    print(f"seed {args.seed}", flush=True)
    indices = [KINDS.index(BY_NAME[name]) for name in args.kinds]
    findings = search(60 * args.minutes, args.seed, KEPT, indices, lambda line: print(line, flush=True))
    for name, n in sorted(findings.n_trials.items()):
        n_faults = sum(trial.rpartition(":")[0] == name for trial in findings.faults)
        print(f"{n:6,} trials, {n_faults:4,} faults  {name}")
    print(f"{findings.n_trials.total():,} trials, {len(findings.faults):,} with faults, seed {args.seed}")
    return bool(findings.faults)


if __name__ == "__main__":
    sys.exit(main())
