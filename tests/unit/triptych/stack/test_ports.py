"""Two stacks, or a stack beside someone else's server, must not fight for a port."""

import socket

from triptych.stack import ports


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((ports.HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def test_the_usual_port_is_taken_where_it_is_free() -> None:
    port = free_port()
    assert ports.choose(port) == port


def test_another_port_is_chosen_where_a_server_has_the_usual_one() -> None:
    with socket.socket() as server:
        server.bind((ports.HOST, 0))
        server.listen()
        taken: int = server.getsockname()[1]

        assert not ports.is_free(taken)
        chosen = ports.choose(taken)

        assert chosen != taken
        assert ports.is_free(chosen)
