"""A port for a server that takes its time to start."""

from __future__ import annotations

import secrets
import socket
from contextlib import suppress

# Below those that systems give to whoever asks for any: such a port may have gone to somebody else by then.
LEAST, MOST = 20_000, 32_000


def free_port() -> int:
    """A port of this machine that nobody uses, and that nobody is given by chance."""
    while True:
        port = LEAST + secrets.randbelow(MOST - LEAST)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
