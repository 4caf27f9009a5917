"""`from_settings`: the frame of reference that settings name. The one place that knows what the names stand for."""

from collections.abc import Callable
from dataclasses import dataclass

from jaxtyping import Bool, Float
from torch import Tensor

from lamslide_md.choices import Placement
from lamslide_md.frames.base import FrameTransform, Unchanged
from lamslide_md.frames.centred import Centred
from lamslide_md.frames.compose import Compose
from lamslide_md.frames.residue_frames import ResidueFrames
from lamslide_md.frames.residue_poses import ResiduePoses
from lamslide_md.frames.superposed import Superposed
from lamslide_md.frames.symmetry_labels import LabelGroup, SymmetryLabels
from lamslide_md.frames.windowed import Aligned, Anchored

Placing = Callable[[Float[Tensor, "entities slots dim"], Bool[Tensor, "entities slots"]], FrameTransform]
"""Makes the transform of one system's frames from its reference frame and the slots that are fitted."""


@dataclass(frozen=True)
class ReferenceFrame:
    """How the stages see positions, in two steps: frames of one system, once and for all; then windows of any.

    Attributes
    ----------
    windows
        How both stages see windows of stored frames.
    placing
        How the frames of one system are placed before they are stored, and after they are made.
    shared_reference
        Whether several molecules are superposed on the atoms that they have in common.
    of_residues
        Whether systems must be chains of residues.
    needs_reference
        Whether windows are seen beside the reference, which is then one that is like all frames, and told in batches.
    """

    windows: FrameTransform
    placing: Placing
    shared_reference: bool = False
    of_residues: bool = False
    needs_reference: bool = False

    def of_system(
        self,
        reference: Float[Tensor, "entities slots dim"],
        fitted: Bool[Tensor, "entities slots"],
        labels: tuple[LabelGroup, ...],
    ) -> Compose:
        """Transform of one system's frames before they are stored: canonical labels, then their place.

        Parameters
        ----------
        reference
            Frame that others may be superposed on.
        fitted
            Slots by which they are.
        labels
            Groups whose halves are alike.

        Returns
        -------
        Compose
            Of single frames.
        """
        return Compose((*self._labelling(labels), self.placing(reference, fitted)))

    def after_inverse(self, of_system: Compose) -> Compose:
        """Transform of frames that were just decoded: what the inverse of `windows` has not restored.

        Parameters
        ----------
        of_system
            From `of_system`.

        Returns
        -------
        Compose
            Canonical labels and, where the orientation was lost, the place again.
        """
        return Compose(of_system.parts[: -1 if self.windows.keeps_orientation else None])

    def _labelling(self, labels: tuple[LabelGroup, ...]) -> tuple[SymmetryLabels, ...]:
        return (SymmetryLabels(labels),) if labels else ()


def from_settings(name: Placement) -> ReferenceFrame:
    """Make the frame of reference of a name.

    Parameters
    ----------
    name
        As settings give it; see `lamslide_md.choices.Placement`.

    Returns
    -------
    ReferenceFrame
        Of any system.
    """
    frames = {
        "superposed": ReferenceFrame(Unchanged(), Superposed, shared_reference=True),
        "centred": ReferenceFrame(Unchanged(), lambda *_: Centred()),
        "anchored": ReferenceFrame(Anchored(), lambda *_: Unchanged()),
        "aligned": ReferenceFrame(Aligned(), lambda *_: Unchanged()),
        "local": ReferenceFrame(ResidueFrames(), Superposed, of_residues=True),
        "poses": ReferenceFrame(ResiduePoses(), Superposed, needs_reference=True),
    }
    return frames[name]
