"""Versions of what computed the numbers."""

import platform
from importlib.metadata import PackageNotFoundError, version

LIBRARIES = ("lamslide_md", "mdtraj", "deeptime", "numpy", "scipy")


def library_versions() -> dict[str, str]:
    """List the versions of Python and of the libraries behind the measures."""
    versions = {"python": platform.python_version()}
    for library in LIBRARIES:
        try:
            versions[library] = version(library)
        except PackageNotFoundError:
            versions[library] = "not installed"
    return versions
