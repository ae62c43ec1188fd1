"""Fixtures of the training tests: those of the unit tests."""

from tests.unit.training.conftest import _small_architecture, flowers

__all__ = ["_small_architecture", "flowers"]
