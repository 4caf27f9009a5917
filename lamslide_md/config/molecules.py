"""Presets for rollouts of molecules."""

from lamslide_md.config.settings import AutoencoderSettings, FlowSettings, MapSettings, Optimisation, Settings

MAP = MapSettings(
    optimisation=Optimisation(n_steps=3000, matrices="adamw", learning_rate=5e-4, batch_size=32, constant_fraction=0.1)
)
"""Of a flow of which nothing else is known."""

MOLECULES: dict[str, Settings] = {
    "molecule-quick": Settings(
        frame_interval_ps=5.0,
        autoencoder=AutoencoderSettings(optimisation=Optimisation(n_steps=3000, learning_rate=2e-3)),
        flow=FlowSettings(
            forward_frames=2,
            prediction="data",
            tokens="frames",
            width=192,
            slow_weight=1.0,
            optimisation=Optimisation(n_steps=3500, learning_rate=2e-3),
        ),
    ),
    "peptide-quick": Settings(
        frame_interval_ps=10.0,
        placement="local",
        exchange=True,
        autoencoder=AutoencoderSettings(
            entities="residues",
            n_latents=None,
            # As measured when the loss was divided by all pairs of slots: within residues are 0.242 of those of AGVD
            # (0.244 on average over tetrapeptides, 0.235 to 0.259 for nine in ten).
            distance_weight=0.242,
            optimisation=Optimisation(n_steps=3000, learning_rate=2e-3),
        ),
        flow=FlowSettings(
            forward_frames=2,
            prediction="data",
            width=128,
            slow_weight=1.0,
            optimisation=Optimisation(n_steps=2500, batch_size=32, learning_rate=2e-3),
        ),
    ),
    "protein-quick": Settings(
        frame_interval_ps=10.0,
        placement="poses",
        exchange=True,
        autoencoder=AutoencoderSettings(
            entities="residues",
            latents="axes",
            n_latents=None,
            optimisation=Optimisation(n_steps=1),
        ),
        flow=FlowSettings(
            n_frames=2,
            prediction="velocity",
            tokens="windows",
            width=128,
            depth=4,
            bridging=0.0,
            slow_weight=1.0,
            whitened=True,
            code_width=32,
            bfloat16=True,
            optimisation=Optimisation(n_steps=12_000, batch_size=32, learning_rate=2e-3),
        ),
    ),
    "molecule-standard": Settings(
        frame_interval_ps=5.0,
        autoencoder=AutoencoderSettings(width=128, optimisation=Optimisation(n_steps=6000)),
        flow=FlowSettings(
            forward_frames=2,
            prediction="data",
            width=128,
            depth=4,
            optimisation=Optimisation(n_steps=10_000),
        ),
    ),
    "peptide-paper": Settings(
        frame_interval_ps=10.0,
        placement="centred",
        autoencoder=AutoencoderSettings(
            entities="residues",
            identifiers="random",
            n_identifiers=8,
            n_channels=96,
            width=256,
            depth=2,
            n_heads=16,
            latent_noise=0.0,
            stiffness=0.0,
            rotate=True,
            optimisation=Optimisation(n_steps=200_000, batch_size=16),
        ),
        flow=FlowSettings(
            n_frames=1000,
            prediction="data",
            prior="white",
            width=384,
            depth=7,
            n_heads=16,
            decoded_weight=0.25,
            reverse_time=False,
            bridging=0.0,
            optimisation=Optimisation(n_steps=500_000, batch_size=16),
        ),
    ),
}
"""By DOMAIN-BUDGET. ``peptide`` is for chains of amino acids; its paper preset has the sizes published for
tetrapeptides."""
