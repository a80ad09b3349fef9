import errno
import socket

import pytest

from devkit.home import free_port


def test_a_free_port_is_kept_for_the_server_that_is_to_listen_there() -> None:
    port = free_port()

    with socket.socket() as other, pytest.raises(OSError, match=str(errno.EADDRINUSE)):
        other.bind(("127.0.0.1", port))
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)
    for _ in range(2):
        with socket.create_server(("127.0.0.1", port)), socket.create_connection(("127.0.0.1", port), timeout=5):
            pass
