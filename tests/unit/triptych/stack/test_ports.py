"""Stacks and other servers on one machine do not use the same port."""

import socket

from triptych.stack import ports


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((ports.HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def test_preferred_port_is_chosen_if_free() -> None:
    port = free_port()
    assert ports.choose_port(port) == port


def test_another_port_is_chosen_if_the_preferred_one_is_taken() -> None:
    with socket.socket() as server:
        server.bind((ports.HOST, 0))
        server.listen()
        taken: int = server.getsockname()[1]

        assert not ports.is_port_free(taken)
        chosen = ports.choose_port(taken)

        assert chosen != taken
        assert ports.is_port_free(chosen)
