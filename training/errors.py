"""The error that callers of `training.evaluate` and `training.version` handle when a version cannot be loaded."""

from model_service.errors import ModelLoadError

__all__ = ["ModelLoadError"]
