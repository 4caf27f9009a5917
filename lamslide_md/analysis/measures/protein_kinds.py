"""The measures that only proteins have: chains of more than ten residues."""

from lamslide_md.analysis.measures.measure import MeasureKind

_PROTEIN = "Protein (C-alphas)"

PROTEIN_KINDS = {
    kind.key: kind
    for kind in (
        MeasureKind(
            "rmsf_decorrelation", "RMSF along the chain", "", _PROTEIN, "1 - Pearson's r of the fluctuations of MD"
        ),
        MeasureKind("rmsf_error", "RMSF error", "Å", _PROTEIN, "mean |Δ| over the residues; MD's own is its mean RMSF"),
        MeasureKind(
            "js_distance_rmsd", "RMSD to MD's first frame", "", _PROTEIN, "Jensen-Shannon distance, 100 joint bins"
        ),
        MeasureKind("rmsd_error", "mean RMSD", "Å", _PROTEIN, "|Δ| of the means"),
        MeasureKind(
            "js_distance_gyration", "radius of gyration", "", _PROTEIN, "Jensen-Shannon distance, 100 joint bins"
        ),
        MeasureKind("gyration_error", "mean radius of gyration", "Å", _PROTEIN, "|Δ| of the means"),
        MeasureKind(
            "js_distance_alpha_pairs",
            "pair distances",
            "",
            _PROTEIN,
            "mean Jensen-Shannon distance of at most 2,000 pairs 3+ residues apart",
        ),
        MeasureKind(
            "contact_error", "contacts", "", _PROTEIN, "mean |Δ occupancy| of pairs of residues that touch in 1 %"
        ),
        MeasureKind(
            "exchange_error",
            "exchange of contacts",
            "",
            _PROTEIN,
            "mean |Δ| of how often these pairs come together or part within the lag; MD's own is its mean",
        ),
        MeasureKind("helix_error", "helix content", "", _PROTEIN, "|Δ| of the mean fraction of residues, by DSSP"),
        MeasureKind("strand_error", "strand content", "", _PROTEIN, "|Δ| of the mean fraction of residues, by DSSP"),
        MeasureKind("coil_error", "coil content", "", _PROTEIN, "|Δ| of the mean fraction of residues, by DSSP"),
        MeasureKind(
            "propensity_error", "secondary structure", "", _PROTEIN, "mean |Δ propensity| over residues and classes"
        ),
        MeasureKind(
            "wasserstein_components",
            "principal components",
            "Å",
            _PROTEIN,
            "Wasserstein-2 distance in MD's first two, per root of the residues",
        ),
        MeasureKind(
            "rmsd_drift", "drift of the RMSD", "Å", _PROTEIN, "|last tenth - first tenth|, mean over trajectories"
        ),
    )
}
"""Every measure of proteins by its key, in the order of the table, where they follow the others."""
