"""Runs web server, worker cluster and IPsec listener, restarts what dies, stops all cleanly.

Each child has a session of its own (`children.py`). (The worker cluster hangs for good when its
whole group gets SIGTERM, and also when a worker is killed that holds the queue's lock: so its
heartbeat is watched, too, in `cluster_watch.py`.)
"""

import logging
import signal
import time
from collections.abc import Callable

from django.db import DatabaseError, close_old_connections

from certificates.models import Event

from . import children
from .children import Child
from .cluster_watch import ClusterWatch
from .service_manager import ServiceManager

logger = logging.getLogger(__name__)
FOLLOW_EVERY = 5.0  # seconds between two looks at the end of the audit log


class Supervisor:
    def __init__(
        self,
        *,
        web: Child | None = None,
        cluster: ClusterWatch | None = None,
        listener: Child | None = None,
    ) -> None:
        """Look after those of the three that are given: `up` has all, a role only its own."""
        self.web, self.cluster, self.listener = web, cluster, listener
        self.stopping = False
        self.reload_wanted = False
        self._manager = ServiceManager()
        self._followed = time.monotonic()

    def run(self, when_serving: Callable[[], None]) -> None:
        """Until SIGTERM or SIGINT; SIGHUP has the web server take its new certificate."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        signal.signal(signal.SIGHUP, self._reload)
        try:
            for child in (self.web, self.cluster and self.cluster.cluster):
                if child:
                    child.start()
            when_serving()  # the listener is started with the first look below: nobody waits for it
            self._manager.is_ready()
            while not self.stopping:
                self.look_after()
                self._manager.is_alive()
                time.sleep(0.2)
        finally:
            self._manager.is_stopping()
            cluster = self.cluster and self.cluster.cluster
            children.stop(child for child in (self.web, cluster, self.listener) if child)

    def look_after(self) -> None:
        """One round: reload, restart what died, watch the worker's heartbeat."""
        if self.web:
            if self.reload_wanted and self.web.process and not self.web.has_ended():
                self.reload_wanted = False
                self.web.process.send_signal(signal.SIGHUP)
            self.web.restart_if_ended()
        if self.listener:
            self.listener.restart_if_ended()
        if self.cluster:
            self.cluster.look_after()
        if time.monotonic() - self._followed > FOLLOW_EVERY:
            self._followed = time.monotonic()
            follow_audit_log()

    def _stop(self, _number: int, _frame: object) -> None:
        self.stopping = True

    def _reload(self, _number: int, _frame: object) -> None:
        self.reload_wanted = True


def follow_audit_log() -> None:
    """Move the anchor of this machine on to events that were written on others."""
    try:
        close_old_connections()
        Event.objects.anchor_newest()
    except (DatabaseError, OSError, ValueError) as error:
        logger.warning("the anchor of the audit log can't follow it: %s", error)
