"""Protects: only pages that are not certainly upright go to the orientation network, and each gets its correction."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from model_service.orientation import ScreenedOrienter

UPRIGHT, UNSURE = 255, 0


class FakeNetworks:
    """A screen and an orienter for views of which each is filled with one value."""

    def __init__(self) -> None:
        self.oriented: list[int] = []
        self.alone: list[bool] = []

    def screen(self, views: NDArray[np.uint8], *, alone: bool = False) -> NDArray[np.bool_]:
        self.alone.append(alone)
        return np.array([view[0, 0] == UPRIGHT for view in views], bool)

    def orient(self, views: NDArray[np.uint8], *, alone: bool = False) -> Sequence[int]:
        """Return ninety degrees for each unit of the view's value."""
        self.alone.append(alone)
        self.oriented += [int(view[0, 0]) for view in views]
        return [90 * int(view[0, 0]) for view in views]


@pytest.fixture
def networks() -> FakeNetworks:
    return FakeNetworks()


def corrections(networks: FakeNetworks, values: Sequence[int], *, alone: bool = False) -> list[int]:
    views = np.array(values, np.uint8)[:, None, None] * np.ones((1, 2, 2), np.uint8)
    return ScreenedOrienter(networks.screen, networks.orient).corrections(views, alone=alone)


def test_a_page_that_is_certainly_upright_does_not_go_to_the_orientation_network(networks: FakeNetworks) -> None:
    assert corrections(networks, [UPRIGHT, UPRIGHT]) == [0, 0]
    assert networks.alone == [False]


def test_an_unsure_page_has_the_correction_of_the_orientation_network(networks: FakeNetworks) -> None:
    assert corrections(networks, [3]) == [270]
    assert corrections(networks, [UNSURE]) == [0]
    assert networks.oriented == [3, UNSURE]


def test_of_a_batch_only_the_unsure_pages_go_on_and_the_order_is_kept(networks: FakeNetworks) -> None:
    assert corrections(networks, [2, UPRIGHT, 1, UNSURE, UPRIGHT, 3]) == [180, 0, 90, 0, 0, 270]
    assert networks.oriented == [2, 1, UNSURE, 3]


def test_no_page_has_no_correction(networks: FakeNetworks) -> None:
    assert corrections(networks, []) == []
    assert networks.oriented == []


def test_both_networks_know_that_the_call_is_alone(networks: FakeNetworks) -> None:
    corrections(networks, [1, UPRIGHT], alone=True)

    assert networks.alone == [True, True]
