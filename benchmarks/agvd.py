"""The whole loop on AGVD, as `make demo` runs it: what it takes, and every measure beside its floor.

    python benchmarks/agvd.py

Runs workflows/tetrapeptide.py AGVD --preset peptide, which does only what is missing in runs/AGVD, and copies its
figures to benchmarks/results/agvd.json.
"""

import json
import subprocess
import sys
from pathlib import Path

from common import write_result

ROOT = Path(__file__).parent.parent


def main() -> None:
    workflow = [sys.executable, "workflows/tetrapeptide.py", "AGVD", "--preset", "peptide"]
    subprocess.run(workflow, cwd=ROOT, check=True)
    comparison = json.loads((ROOT / "runs/AGVD/comparison.json").read_text(encoding="utf-8"))
    provenance = comparison["provenance"]
    write_result(
        "agvd",
        {
            "wall_time_s": provenance["wall_time_s"],
            "rollout_ns_per_s": provenance["rollout_ns_per_s"],
            "md_ns_per_s": provenance["md_ns_per_s"],
            "held_out_rmsd_A": 10 * provenance["training"]["held_out_rmsd_nm"],
            "n_parameters": provenance["training"]["n_parameters"],
            "measures": {
                m["kind"]["key"]: {key: m[key] for key in ("rollout", "floor", "ratio", "ratio_error")}
                for m in comparison["measures"]
            },
            "failures": comparison["failures"],
        },
    )


if __name__ == "__main__":
    main()
