"""Every table of figures in docs/results.md, docs/clusters.md and the README, written from the stored results.

    python benchmarks/tables.py            # writes all
    python benchmarks/tables.py --check    # exits with 1 if one of them is not what the results give

Takes a second and needs no trajectory. Ratios are rollout / floor; the floor is what another run of MD differs by.
A table stands between `<!-- table NAME -->` and `<!-- end -->`.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lamslide_md.config import preset_settings

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results"
PAGES = (ROOT / "docs" / "results.md", ROOT / "docs" / "clusters.md", ROOT / "README.md")
PLACE = re.compile(r"(<!-- table (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
DISTANCES = {
    "torsions_backbone": "backbone torsions",
    "torsions_side_chain": "side-chain torsions",
    "tic0": "TIC 0",
    "tic01": "TIC 0, 1",
    "states_occupancy": "state populations",
}
KINETICS = {"relaxation_log_ratio": "relaxation times", "timescale_log_ratio": "implied timescales"}
SUMMARY = ("torsions_all", "tic01", "states_occupancy")
PROTEIN_CELLS = {
    "js_distance_torsions_backbone": ("backbone torsions", ".3f"),
    "js_distance_torsions_side_chain": ("side chains", ".3f"),
    "js_distance_tic0": ("TIC 0", ".3f"),
    "js_distance_tic01": ("TIC 0, 1", ".3f"),
    "rmsf_decorrelation": ("1 - r of RMSF", ".3f"),
    "rmsf_error": ("RMSF, Å", ".3f"),
    "rmsd_error": ("RMSD, Å", ".2f"),
    "gyration_error": ("Rg, Å", ".2f"),
    "contact_error": ("contacts", ".3f"),
    "exchange_error": ("their exchange", ".3f"),
    "propensity_error": ("DSSP", ".3f"),
    "broken_bond_fraction": ("bad bonds", ".4f"),
    "chirality_flip_fraction": ("flips", ".4f"),
    "clash_fraction": ("clashes", ".3f"),
}
PATHS = {"surrogate": "surrogate", "md": "MD's own", "jump": "one jump at a random time", "straight": "straight lines"}
ROWS = ["ala2 quick", "ala2 standard", "AGVD peptide", "AGVD quick", "AGVD standard", "SVFA peptide", "VGASDF peptide"]
MD_NS, ROLLOUT_NS, ROLLOUT_FRAMES = 20, 1000, 100_000
"""Of the projects whose cost is told: of each of two replicates, of all chains of a peptide, and of a protein."""
QUALITIES = ("torsions", "TIC 0", "states", "bond_error")
LEARNED_NS = {"ala2": 40, "AGVD": 20}
SHIPPED = {"ala2": "alanine dipeptide", "AGVD": "tetrapeptide", "SVFA": "tetrapeptide", "peptides": "three unseen ones"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing")
    args = parser.parse_args()
    drifted = {path: filled(path.read_text(encoding="utf-8")) for path in PAGES}
    drifted = {path: text for path, text in drifted.items() if text != path.read_text(encoding="utf-8")}
    if args.check and drifted:
        names = ", ".join(path.name for path in drifted)
        sys.exit(f"{names}: not what benchmarks/results gives; run python benchmarks/tables.py")
    for path, text in drifted.items():
        path.write_text(text, encoding="utf-8")


def filled(text: str) -> str:
    """Give a page with every table as the results have it."""
    return PLACE.sub(lambda place: f"{place[1]}{TABLES[place[2]]()}\n{place[3]}", text)


def read(name: str) -> dict[str, Any]:
    """Read a stored result."""
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


def machines(*names: str) -> str:
    """Tell where and when results were measured: a line above a table."""
    found = {}
    for name in names:
        machine = read(name)["machine"]
        found.setdefault(f"{machine['cpu']}, torch on {machine['torch_threads']} thread(s)", set()).add(machine["date"])
    return "Measured on: " + "; ".join(f"{cpu} ({', '.join(sorted(dates))})" for cpu, dates in found.items()) + ".\n\n"


def markdown(header: str, rows: Iterable[Sequence[str]]) -> str:
    """Lay out a table; the header's cells stand between bars."""
    lines = [header, " | ".join("---" for _ in header.split("|")), *(" | ".join(row) for row in rows)]
    return "\n".join(f"| {line} |" for line in lines)


def shown(value: float | None, digits: str = ".2f") -> str:
    """Give a number, or a dash where nothing could be estimated."""
    return "-" if value is None else f"{value:{digits}}"


def spread(values: Iterable[float | None], digits: str = ".1f") -> str:
    """Give the median and, of several values that differ, the range."""
    known = [value for value in values if value is not None]
    if not known:
        return "-"
    low, high = f"{min(known):{digits}}", f"{max(known):{digits}}"
    return f"{np.median(known):{digits}}" + (f" ({low}-{high})" if low != high else "")


def each(runs: Iterable[dict[str, Any]], key: str, what: str) -> list[float | None]:
    """Collect one figure of a measure over runs."""
    return [run["measures"][key][what] for run in runs]


def factors(runs: Sequence[dict[str, Any]], side: str) -> list[float]:
    """Give the mean factors by which relaxation times are off, where they could be estimated."""
    return [float(np.exp(value)) for value in each(runs, "relaxation_log_ratio", side) if value is not None]


def minutes(run: dict[str, Any]) -> float:
    """Training of both stages."""
    return sum(run["training_min"].values())


def shipped() -> str:
    """The models that ship; of several peptides the median."""
    rows = []
    for name, what in SHIPPED.items():
        content = read(f"pretrained_{name}")
        runs = [content] if "measures" in content else [run for key, run in content.items() if key != "machine"]
        ratios = [f"{np.median(each(runs, f'js_distance_{key}', 'ratio')):.1f}" for key in SUMMARY]
        off, md_off = (f"{np.median(factors(runs, side)):.2f}" for side in ("rollout", "floor"))
        speed, md_speed = (f"{np.median([run[f'{side}_ns_per_s'] for run in runs]):.2g}" for side in ("rollout", "md"))
        cells = [f"`{name}`", what, f"{minutes(runs[0]):.0f} min", *ratios]
        rows.append([*cells, f"{off} ({md_off})", f"{speed} ({md_speed})"])
    header = "model | evaluated on | training | torsions | slow modes | populations | relaxation times (MD) | ns/s (MD)"
    return markdown(header, rows)


def presets() -> str:
    names = {name: f"accuracy_{name.replace(' ', '_')}" for name in ROWS}
    rows = []
    for name, result in names.items():
        runs = list(read(result)["runs"].values())
        ratios = [spread(each(runs, f"js_distance_{key}", "ratio")) for key in DISTANCES]
        kinetics = [
            f"{spread(each(runs, key, 'rollout'), '.2f')}; {spread(each(runs, key, 'floor'), '.2f')}"
            for key in KINETICS
        ]
        rows.append([name, str(len(runs)), f"{np.median([minutes(run) for run in runs]):.0f} min", *ratios, *kinetics])
    header = " | ".join(["row", "seeds", "training", *DISTANCES.values(), *(f"{k}; MD" for k in KINETICS.values())])
    return machines(*names.values()) + markdown(header, rows)


def floors() -> str:
    content = read("floors_ala2")
    keys = {f"js_distance_{key}": label for key, label in DISTANCES.items()} | KINETICS
    found = {label: content["floors"][key] for key, label in keys.items()}
    rows = [[label, *(shown(x, ".3f") for x in own)] for label, own in found.items() if any(x is not None for x in own)]
    header = " | ".join(["measure", *(f"replicate {i}" for i in content["replicates"])])
    return machines("floors_ala2") + markdown(header, rows)


def demo() -> str:
    content = read("agvd")
    keys = (
        {f"js_distance_{key}": label for key, label in DISTANCES.items()} | KINETICS | {"bond_error": "bond error, Å"}
    )
    rows = []
    for key, label in keys.items():
        found = content["measures"][key]
        ratio = "-" if found["ratio"] is None else f"{found['ratio']:.2f} ± {found['ratio_error']:.2f}"
        rows.append([label, shown(found["rollout"], ".3f"), shown(found["floor"], ".3f"), ratio])
    rows.append(["ns/s", f"{content['rollout_ns_per_s']:.2f}", f"{content['md_ns_per_s']:.3f}", "-"])
    rows += [[f"{what}, min", f"{seconds / 60:.1f}", "-", "-"] for what, seconds in content["wall_time_s"].items()]
    return machines("agvd") + markdown("measure | rollout | floor (MD) | ratio", rows)


def unseen() -> str:
    names = [f"peptides_{seed}" for seed in range(3)]
    results = [read(name)["unseen"] for name in names]
    rows = []
    for peptide in results[0]:
        runs = [result[peptide] for result in results]
        ratios = [spread(each(runs, f"js_distance_{key}", "ratio")) for key in DISTANCES]
        off, md_off = (spread(factors(runs, side)) for side in ("rollout", "floor"))
        rows.append([peptide, *ratios, spread(each(runs, "bond_error", "rollout"), ".3f"), f"{off}; {md_off}"])
    header = " | ".join(["peptide", *DISTANCES.values(), "bond error, Å", "relaxation times, factor; MD"])
    return machines(*names) + markdown(header, rows)


def paths() -> str:
    found = read("paths_ala2")["paths"]
    rows = []
    for key, label in PATHS.items():
        scores = [(of[key]["ln_likelihood_per_frame"], of[key]["standard_error"]) for of in found.values()]
        rows.append([label, *(f"{score:.2f} ± {error:.2f}" for score, error in scores)])
    return machines("paths_ala2") + markdown(" | ".join(["paths", *found]), rows)


def stability() -> str:
    rows = []
    for name in ("ala2", "AGVD"):
        content = read(f"stability_{name}")
        faults = max(row[key] for row in content["rows"] for key in ("bad_bond", "flipped", "clash"))
        ends = [content["rows"][i]["js_distance_to_md"] for i in (0, -1)]
        drift = [content["drift"][key] for key in ("last_to_first", "chance")]
        rows.append([name, f"{content['n_frames']:,}", *(shown(x, ".3f") for x in (*ends, *drift)), f"{faults:g}"])
    header = "model | frames | first tenth to MD | last tenth to MD | last to first | chance | broken frames"
    return machines("stability_ala2", "stability_AGVD") + markdown(header, rows)


def compute() -> str:
    rows = []
    for name in ("ala2", "AGVD"):
        for label, run in sorted(read(f"compute_{name}")["runs"].items(), key=lambda item: minutes(item[1])):
            measures = run["measures"]
            ratios = [shown(measures[f"js_distance_{key}"]["ratio"], ".1f") for key in SUMMARY]
            kinetics = [f"{shown(measures[key]['rollout'])} ({shown(measures[key]['floor'])})" for key in KINETICS]
            rows.append([name, label, f"{minutes(run):.1f}", *ratios, *kinetics])
    kinetics = [f"{label} (MD)" for label in KINETICS.values()]
    header = " | ".join(["molecule", "preset", "minutes", "torsions", "TIC 0, 1", "populations", *kinetics])
    return machines("compute_ala2", "compute_AGVD") + markdown(header, rows)


def forecasts() -> str:
    names = [path.stem for path in sorted(RESULTS.glob("forecasts_*.json"))]
    rows = []
    for name in names:
        system = name.removeprefix("forecasts_").replace("_quick", "").replace("_x", ", steps x ")
        for run in read(name)["runs"].values():
            for row in run["rows"]:
                if row["model"] == "last frame":
                    continue
                errors = [f"{row[f'{kind}ade']:.3f} / {row[f'{kind}fde']:.3f}" for kind in ("", "min_", "joint_")]
                trained = "training_min" in row
                cost = [f"{row['training_min']:.0f} min", f"{row['forecasts_per_s']:.1f}"] if trained else ["-", "-"]
                rows.append([": ".join(filter(None, (system, row["set"]))), row["model"], *errors, *cost])
    header = "system | model | ADE / FDE | minADE / minFDE | all at once | training | forecasts a second"
    return machines(*names) + markdown(header, rows)


def proteins() -> str:
    names = [path.stem for path in sorted(RESULTS.glob("protein_*.json"))]
    rows = []
    for name in names:
        for label, runs in of_all_seeds(read(name)["runs"]).items():
            cells = protein_cells(runs)
            kept = [spread((run["autocorrelation_tic0"][k] for run in runs), ".2f") for k in ("5", "20", "50")]
            cost = [spread((run.get(key) for run in runs), ".0f") for key in ("training_min", "frames_per_s")]
            rows.append([name.removeprefix("protein_"), label, *cells, ", ".join(kept), *cost])
    labels = " | ".join(label for label, _ in PROTEIN_CELLS.values())
    header = f"protein | row | {labels} | TIC 0 kept for 5, 20, 50 frames | minutes | frames/s"
    return machines(*names) + markdown(header, rows)


def of_all_seeds(runs: dict[str, dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Rows that differ by their seed, under one label."""
    grouped: dict[str, list[dict[str, Any]]] = {}
    for label, run in runs.items():
        grouped.setdefault(label.partition(", seed")[0], []).append(run)
    return {f"{label}, {len(own)} seeds" if len(own) > 1 else label: own for label, own in grouped.items()}


def long_rollouts() -> str:
    names = [path.stem for path in sorted(RESULTS.glob("protein_*.json"))]
    rows = []
    for name in names:
        runs = [run["long"] for run in read(name)["runs"].values() if "long" in run]
        for part in ("first_tenth", "last_tenth") if runs else ():
            cells = protein_cells([run[part] for run in runs])
            rows.append([name.removeprefix("protein_"), part.replace("_", " "), *cells])
    labels = " | ".join(label for label, _ in PROTEIN_CELLS.values())
    return machines(*names) + markdown(f"protein | frames | {labels}", rows)


def protein_cells(runs: Sequence[dict[str, Any]]) -> list[str]:
    """Lay out the measures of one row; those of chains of more than ten residues are not there for shorter ones."""
    return [
        spread((run["measures"].get(key, {}).get("rollout") for run in runs), digits)
        for key, (_, digits) in PROTEIN_CELLS.items()
    ]


def scaling() -> str:
    content = read("scaling")
    rows = [
        [
            residues,
            f"{row['atoms']:.0f}",
            *(f"{row[key]:.3g}" for key in ("step_ms", "rollout_frame_ms", "peak_GB", "file_MB", "header_kB")),
        ]
        for residues, row in content["rows"].items()
    ]
    exponents = [shown(content["exponents"].get(key)) for key in ("step_ms", "rollout_frame_ms", "peak_GB")]
    rows.append(["exponent", "", *exponents, "", ""])
    header = "residues | heavy atoms | training step, ms | rollout frame, ms | peak memory, GB | file, MB | header, kB"
    return machines("scaling") + markdown(header, rows)


def projects() -> str:
    """Core hours of whole projects, from rates that were measured on single molecules."""
    own, shared, cost = read("pretrained_AGVD"), read("pretrained_peptides"), read("scaling")
    cores = cost["machine"]["torch_threads"]
    residues = np.array(list(map(float, cost["rows"])))

    def at_300(key: str) -> float:
        """Of a system of 300 residues, by the power law of all of them."""
        line = np.polyfit(np.log(residues), np.log([row[key] for row in cost["rows"].values()]), 1)
        return float(np.exp(np.polyval(line, np.log(300))))

    shared_ns_per_s = float(np.median([run["rollout_ns_per_s"] for key, run in shared.items() if key != "machine"]))
    md, rollout = 2 * MD_NS / own["md_ns_per_s"], ROLLOUT_NS / own["rollout_ns_per_s"]
    n_steps = preset_settings("protein").flow.optimisation.n_steps
    rows = [
        ("1,000 tetrapeptides, a model of each", 1000 * md, 60_000 * minutes(own), 1000 * rollout),
        ("1,000 tetrapeptides by the model `peptides`", 0.0, 0.0, 1000 * ROLLOUT_NS / shared_ns_per_s),
        (
            "one protein of 300 residues, its MD at hand",
            0.0,
            cores * n_steps * at_300("step_ms") / 1000,
            cores * ROLLOUT_FRAMES * at_300("rollout_frame_ms") / 1000,
        ),
    ]
    hours = [[label, *(f"{part / 3600:.3g}" for part in (*parts, sum(parts)))] for label, *parts in rows]
    names = ("pretrained_AGVD", "pretrained_peptides", "scaling")
    header = "project | MD, core hours | training | rollouts | together"
    return machines(*names) + markdown(header, hours)


def speed() -> str:
    """Rates of rollouts beside MD, and ratios of distances to those of nine evaluations with the same seed."""
    content = read("speed")
    rows = []
    for name, rates in content["speed"].items():
        md, interval_ps = rates["md"], rates["interval_ps"]
        runs = list(content["quality"][name]["runs"].values())
        rows.append([f"{name}, MD", "2 replicates", "-", "-", f"{md:.2g}", "1", *["-"] * len(QUALITIES)])
        asked = {key: key.removesuffix(" evaluations").split(" chains, ") for key in rates if "chains" in key}
        for key, (n_chains, n_asked) in ({"ase": ["1, in ASE", "2"]} | asked).items():
            ns_per_s = rates[key] * interval_ps / 1000
            ratios = [spread((run[n_asked][what] / run["9"][what] for run in runs), ".2f") for what in QUALITIES]
            cost = [f"{rates[key]:.3g}", f"{ns_per_s:.2g}", f"{ns_per_s / md:.0f}"]
            rows.append([name, n_chains, n_asked, *cost, *ratios])
    header = " | ".join(["model", "chains", "evaluations", "frames/s", "ns/s", "times MD", *QUALITIES])
    return machines("speed") + markdown(header, rows)


def hour() -> str:
    """What an hour of the machine gives with and without a surrogate, whose MD and training are in the hour."""
    content = read("speed")
    rows = []
    for name, rates in content["speed"].items():
        own, tau_ns = read(f"pretrained_{name}"), content["quality"][name]["relaxation_ps"] / 1000
        fastest = max(rate for key, rate in rates.items() if key.endswith(", 2 evaluations"))
        left_s = 3600 - LEARNED_NS[name] / rates["md"] - 60 * minutes(own)
        made_ns = {"MD": 3600 * rates["md"], "surrogate": left_s * fastest * rates["interval_ps"] / 1000}
        samples = [f"{ns / (2 * tau_ns):,.0f}" for ns in made_ns.values()]
        rows.append([name, f"{1000 * tau_ns:.0f}", *(f"{ns:,.0f}" for ns in made_ns.values()), *samples])
    header = "model | slowest torsion relaxes in, ps | MD, ns | surrogate, ns | MD, samples | surrogate, samples"
    return machines("speed") + markdown(header, rows)


def reference() -> str:
    platforms = ("Reference 1", "CPU 1", "CPU 2")
    rows = [
        [row["system"], row["solvent"], str(row["particles"]), *(shown(row.get(key), ",.0f") for key in platforms)]
        for row in read("reference")["speed"]
    ]
    header = "system | solvent | particles | Reference, 1 thread | CPU, 1 thread | CPU, 2 threads"
    return machines("reference") + markdown(header, rows)


def ensemble() -> str:
    keys = ("T at 300 K", "width at 300 K", "T at 400 K", "width at 400 K", "ensemble slope")
    found = read("reference")["ensemble"]
    rows = [[row["system"], f"{row['timestep_fs']:g} fs", *(row[key] for key in keys)] for row in found]
    return markdown(" | ".join(["system", "time step", *keys]), rows)


TABLES = {
    table.__name__: table
    for table in (
        *(shipped, presets, floors, demo, unseen, paths, stability, compute),
        *(forecasts, reference, ensemble, proteins, long_rollouts, scaling, projects, speed, hour),
    )
}
"""By the names in the markers."""


if __name__ == "__main__":
    main()
