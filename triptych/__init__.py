"""The command, the console and the local stack of Triptych, and `Results`, which reads records in other programs."""

from triptych.storage.results import Results

__all__ = ["Results"]
