"""The server as a process: uvicorn on one address, until SIGINT or SIGTERM."""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import socket
import sys
from pathlib import Path
from typing import Any

from data_platform.errors import ServerError
from data_platform.server.faults import Faulty, read_faults

logger = logging.getLogger(__name__)


def serve(*, port: int, data: Path, host: str = "127.0.0.1", faults: Path | None = None) -> None:
    """Serve the catalog of the data folder ``data`` until the process is asked to stop.

    One line on stderr says when requests are answered. Open requests are finished on the way out.

    Args:
        faults: a file of faults that happen to requests (``faults``).

    Raises:
        ServerError: the data folder or the port cannot be used.
        ConfigurationError: the faults cannot be read.
    """
    import uvicorn

    from data_platform.server.app import create_app

    if not _is_loopback(host):
        logger.warning(
            "listening on %s: whoever reaches this address can try tokens against the catalog; "
            "put TLS and a firewall in front of it",
            host,
        )
    injected = read_faults(faults) if faults else None
    listening = listening_socket(host, port)
    app: Any = create_app(data, injected)
    if injected is not None:
        app = Faulty(app, injected)
    config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=10, lifespan="on")
    address = f"http://{host}:{listening.getsockname()[1]}"

    class Announced(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                print(f"catalog ready: {address} (API {address}/api), data in {data}", file=sys.stderr, flush=True)  # noqa: T201

    # Uvicorn raises the signal again once it has stopped in peace.
    with contextlib.suppress(KeyboardInterrupt):
        Announced(config).run(sockets=[listening])


def listening_socket(host: str, port: int) -> socket.socket:
    """A socket bound to the address; port 0 takes a free one.

    Raises:
        ServerError: the address cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise ServerError(
            f"cannot listen on {host}:{port}: {error.strerror}", remedy="stop what uses the port or give another one"
        ) from error
    return listening


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
