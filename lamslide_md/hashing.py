"""The hash by which files, data, settings and weights are known again."""

import hashlib
from collections.abc import Iterable


def sha256_of(parts: Iterable[bytes]) -> str:
    """SHA-256 of bytes, part by part, in hexadecimal digits."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()
