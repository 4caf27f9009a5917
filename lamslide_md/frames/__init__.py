"""How the stages see positions: one class for each way, composed by `from_settings`."""

from lamslide_md.frames.settings import ReferenceFrame, from_settings

__all__ = ["ReferenceFrame", "from_settings"]
