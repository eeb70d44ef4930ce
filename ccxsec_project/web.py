"""Configuration of gunicorn, the web server (`--config python:ccxsec_project.web`).

Why gunicorn: docs/architecture.md, with figures. The supervisor hands over its listening socket,
so that no connection is refused while workers are exchanged.
"""

import os
import select
import ssl
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from django.conf import settings

from ccxsec_project.web_worker import allow_open_files
from certificates.store import local_store
from certificates.web_server import SERVICE, tls_context

HANDSHAKE = 4.0  # seconds for a client's whole TLS handshake
PATIENCE = 30.0  # seconds that one read or write of a client may take afterwards

_has_tls = not str(settings.CCXSEC_BIND).startswith("/")  # a path is a socket of the proxy
_store = local_store(settings.CCXSEC_STORE / SERVICE)
bind = [f"fd://{os.environ['CCXSEC_LISTENER']}"]
worker_class = "ccxsec_project.web_worker.Worker"
workers = settings.CCXSEC_WEB_WORKERS
threads = settings.CCXSEC_WEB_THREADS
# Naming the files turns TLS on; the context below is what is used.
if _has_tls:
    certfile = str(settings.CCXSEC_STORE / SERVICE / "current" / "fullchain.pem")
    keyfile = str(settings.CCXSEC_STORE / SERVICE / "current" / "key.pem")
# What a proxy says is Django's to believe (CCXSEC_BEHIND_PROXY), and nobody else's.
forwarded_allow_ips = ""
forwarder_headers = ""
secure_scheme_headers: dict[str, str] = {}
# Its own records in the product's form.
logconfig_dict = {
    "version": 1,
    "disable_existing_loggers": False,
    "root": settings.LOGGING["root"],
    "formatters": settings.LOGGING["formatters"],
    "handlers": settings.LOGGING["handlers"],
    "loggers": {
        "gunicorn.error": {"handlers": ["console"], "level": "WARNING", "propagate": False},
        "gunicorn.access": {"handlers": [], "level": "CRITICAL", "propagate": False},
    },
}
preload_app = True  # loaded once; the workers are its copies
do_handshake_on_connect = False  # in a worker's thread, not in the one that accepts
keepalive = 5
graceful_timeout = 30
timeout = 60
loglevel = "warning"
proc_name = "ccxsec-web"
control_socket_disable = True
limit_request_line = 8190


def on_starting(server: Any) -> None:
    """Before there are workers: many clients may be silent at once."""
    allow_open_files()
    # The listening socket was handed over, as systemd hands one: its file is not gunicorn's to
    # remove. It would look for the name of the first moment, fail, and end without its workers.
    # (It also says how SIGUSR2 would hand the socket on, which nobody sends.)
    server.systemd = True


class PatientContext(ssl.SSLContext):
    """Gives up on a client that stalls, so that it can't hold a thread for long."""

    def wrap_socket(self, sock: Any, *args: Any, **kwargs: Any) -> ssl.SSLSocket:
        """The whole handshake has one deadline: a byte now and then does not put it off."""
        tls = super().wrap_socket(sock, *args, **kwargs)
        tls.setblocking(False)
        deadline = time.monotonic() + HANDSHAKE
        while True:
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                _wait(deadline, reading=tls)
            except ssl.SSLWantWriteError:
                _wait(deadline, writing=tls)
            else:
                tls.settimeout(PATIENCE)
                return tls


def _wait(
    deadline: float, *, reading: ssl.SSLSocket | None = None, writing: ssl.SSLSocket | None = None
) -> None:
    poll = select.poll()
    if reading:
        poll.register(reading, select.POLLIN)
    if writing:
        poll.register(writing, select.POLLOUT)
    if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
        raise TimeoutError("the client did not finish the TLS handshake in time")


def ssl_context(_config: Any, _default: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
    """One context for the life of a worker: a restart is what takes a new certificate."""
    return _context()


@lru_cache(maxsize=1)
def _context() -> ssl.SSLContext:
    return tls_context(_store.current, PatientContext)


def post_worker_init(_worker: Any) -> None:
    """Load the certificate before the first request, so that a bad one is seen in the log."""
    if _has_tls:
        _context()
