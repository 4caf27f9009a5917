"""What a training does that diverges: it goes back to where it was sound, with a lower learning rate, or ends."""

import math

import torch
from torch import Tensor, nn

from lamslide_md.config import Optimisation
from lamslide_md.errors import InputError
from lamslide_md.shares import Share

MOST_RETURNS = 3
RATE_FACTOR = 0.25
"""By which the learning rate is lowered each time that a training goes back."""

LOST = 1e6
"""Losses are mean squares of numbers whose scale is one: an error of a thousand scales is no molecule any more."""

STEPS_UNSEEN = 50
"""Steps after which a GPU is asked how it fares: asking waits for it. Processors are asked in every step."""

N_KEPT = 20
"""Times in a training that its state is kept in memory, where there is no folder for checkpoints."""


class Guard:
    """Watches loss and gradients of one phase, alike in all processes that train together.

    Parameters
    ----------
    phase
        Name of the stage.
    settings
        Steps and learning rate.
    share
        This process's part of every batch.
    """

    def __init__(self, phase: str, settings: Optimisation, share: Share) -> None:
        self.phase, self.settings, self.share = phase, settings, share
        self.n_returns = 0
        """Times that the training has gone back."""
        self._seen: Tensor | None = None
        self._kept_every = max(1, -(-settings.n_steps // (N_KEPT * STEPS_UNSEEN))) * STEPS_UNSEEN

    @property
    def rate_factor(self) -> float:
        """Part of the learning rate that is left."""
        return RATE_FACTOR**self.n_returns

    def is_time_to_keep(self, step: int) -> bool:
        """Tell whether the state after so many steps, of which the last was looked at, is to be kept in memory."""
        return step % self._kept_every == 0

    def worst(self, step: int, loss: Tensor, norm: Tensor) -> tuple[Tensor, float]:
        """Look at one step before its gradients are used, or after those that a GPU did unseen.

        Parameters
        ----------
        step
            Steps that are done.
        loss
            Of this process.
        norm
            Of the gradients.

        Returns
        -------
        loss
            Of all processes.
        worst
            Largest loss since it was last told, infinite where a gradient was not finite; 0 where it is not told.
        """
        if loss.device.type == "cpu" and self.share.n_ranks == 1:
            value = loss.item()
            return loss, value if math.isfinite(value) and math.isfinite(norm.item()) else torch.inf
        both = self.share.averaged(torch.stack([loss.detach(), norm.to(loss)]))
        now = torch.where(torch.isfinite(both).all(), both[0], torch.inf)
        self._seen = now if self._seen is None else torch.maximum(self._seen, now)
        is_asked = loss.device.type == "cpu" or (step + 1) % STEPS_UNSEEN == 0 or step + 1 >= self.settings.n_steps
        if not is_asked:
            return both[0], 0.0
        worst, self._seen = float(self._seen), None
        return both[0], worst

    def is_sound(self) -> bool:
        """Tell whether no step that was not looked at yet has gone wrong; of this process alone."""
        return self._seen is None or float(self._seen) < LOST

    def go_back(self, step: int, loss: float) -> str:
        """Lower the learning rate, or end the training.

        Parameters
        ----------
        step
            Steps that were done until then.
        loss
            Of that step.

        Returns
        -------
        str
            What to tell the user, without where it goes on.

        Raises
        ------
        InputError
            If it has gone back as often as it may.
        """
        self._seen = None
        what = f"loss is {loss:.3g}" if LOST <= loss < torch.inf else "loss, gradient or weights are not finite"
        where = f"at step {step} of {self.settings.n_steps} the {self.phase}'s {what}"
        rate = self.settings.learning_rate
        if self.n_returns == MOST_RETURNS:
            raise InputError(
                f"the training diverges: {where}, also after going back {MOST_RETURNS} times and with a learning rate "
                f"of {rate * self.rate_factor:.3g}; set {self.phase}.optimisation.learning_rate below {rate:g}, and "
                f"lower {self.phase}.optimisation.gradient_norm, noises or weights of losses where they were raised"
            )
        self.n_returns += 1
        return f"{where}: it goes on with a learning rate of {rate * self.rate_factor:.3g} in place of {rate:g}"


@torch.no_grad()
def all_finite(network: nn.Module) -> bool:
    """Tell whether all weights are numbers."""
    parameters = list(network.parameters())
    # Of a norm that is infinite though no weight is, one would be larger than the root of the largest number.
    return not parameters or bool(torch.isfinite(torch.stack([p.norm() for p in parameters])).all())
