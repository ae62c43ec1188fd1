"""The number of examples of property tests."""

from hypothesis import settings


def examples(full: int) -> int:
    """Return how many examples a property test gets: `full` with `--full`, 40 percent of it otherwise.

    See the profiles in tests/conftest.py. Use it where examples are expensive.
    """
    return max(1, full * settings().max_examples // 100)  # 100 is Hypothesis's own default
