"""Texts as tensors: every one once, in UTF-8, and counted by those who use it."""

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import ClassVar

import numpy as np

ENCODING_ERRORS = "surrogatepass"
"""Names in files of unknown encodings hold what UTF-8 has not; it comes back as it was."""


class Texts:
    """Texts in the order in which they were first met."""

    NAMES: ClassVar = ("texts/utf8", "texts/offsets")

    def __init__(self) -> None:
        self._index: dict[str, int] = {}

    def indices(self, texts: Iterable[str]) -> np.ndarray:
        """Take up texts.

        Parameters
        ----------
        texts
            May be known.

        Returns
        -------
        np.ndarray
            The number of each.
        """
        return np.array([self._index.setdefault(text, len(self._index)) for text in texts], dtype=np.int32)

    def arrays(self) -> dict[str, np.ndarray]:
        """Write all that was taken up.

        Returns
        -------
        dict
            Bytes of all texts, and where each of them begins and the last one ends.
        """
        encoded = [text.encode("utf-8", ENCODING_ERRORS) for text in self._index]
        offsets = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
        return dict(zip(self.NAMES, (np.frombuffer(b"".join(encoded), dtype=np.uint8).copy(), offsets), strict=True))


def read_texts(arrays: Mapping[str, np.ndarray]) -> list[str]:
    """Read what `Texts.arrays` wrote.

    Parameters
    ----------
    arrays
        With both names.

    Returns
    -------
    list
        In the order of their numbers.

    Raises
    ------
    ValueError
        If these are no texts.
    """
    content, offsets = (arrays[name] for name in Texts.NAMES)
    sound = (content.dtype, content.ndim, offsets.dtype, offsets.ndim) == (np.uint8, 1, np.int64, 1) and len(offsets)
    if not (sound and offsets[0] == 0 and offsets[-1] == len(content) and (offsets[1:] >= offsets[:-1]).all()):
        raise ValueError("texts/offsets does not divide texts/utf8")
    ends, whole = offsets.tolist(), content.tobytes()
    return [whole[begin:end].decode("utf-8", ENCODING_ERRORS) for begin, end in pairwise(ends)]
