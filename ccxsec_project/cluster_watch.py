"""Watches one worker cluster by its heartbeat, and asks for what is due each minute.

All clusters share one queue, so nobody can send one of them a message: while the own one is silent,
signs of life are asked for until it has taken one. A cluster that is alive tells within seconds.
"""

import logging
import secrets
import time
from datetime import timedelta

from django.conf import settings
from django.db import DatabaseError, close_old_connections
from django.utils import timezone

from certificates import jobs
from certificates.models import Heartbeat
from certificates.tasks import CLUSTER, WORKER

from .children import Child, worker_cluster

logger = logging.getLogger(__name__)
UPKEEP = "upkeep"  # whose turn it is to ask for it, among all supervisors of the database
LEAST = 0.5  # seconds between two looks
STARTING = timedelta(seconds=30)  # a cluster has at least, on a busy machine, until it first tells


class ClusterWatch:
    def __init__(self) -> None:
        name = secrets.token_hex(6)
        self.cluster: Child = worker_cluster({CLUSTER: name})
        self.beat = f"{WORKER} {name}"
        self.limit = timedelta(seconds=settings.CCXSEC_HEARTBEAT_LIMIT)
        self._asked = self._looked = 0.0
        self._is_reachable = True
        self._since = 0.0  # when the queue was there again

    def look_after(self) -> None:
        """One round: restart what died or is silent, ask for upkeep."""
        if self.cluster.restart_if_ended():
            self._send_again()
        now, limit = time.monotonic(), self.limit.total_seconds()
        try:
            if now - self._asked > limit / 3:
                self._asked = now
                close_old_connections()
                self._ask_for_upkeep()
            if now - self._looked > max(LEAST, limit / 60):
                self._looked = now
                self._look()
        except DatabaseError as error:
            logger.warning("the heartbeat can't be read: %s", error)

    def _ask_for_upkeep(self) -> None:
        """One of all supervisors does; a little early, as their clocks differ."""
        if Heartbeat.objects.take_turn(UPKEEP, every=self.limit / 4, now=timezone.now()):
            jobs.send("certificates.tasks.upkeep", name="upkeep")

    def _look(self) -> None:
        """Send again what Redis forgot while it was away, then look at the heartbeat."""
        was_reachable, self._is_reachable = self._is_reachable, jobs.queue_answers()
        if not self._is_reachable:
            return  # no cluster can tell anything
        if not was_reachable:
            self._send_again()
            self._since = time.monotonic()
        self._look_at_heartbeat()

    def _look_at_heartbeat(self) -> None:
        """Restart the cluster when its last sign of life is too old."""
        beat = Heartbeat.objects.filter(name=self.beat).first()
        asked_since = max(self.cluster.started, self._since)
        running = timedelta(seconds=time.monotonic() - asked_since)
        silent = min(timezone.now() - beat.seen_at, running) if beat else running
        has_told = silent < running  # since it was started
        if silent > (self.limit if has_told else max(self.limit, STARTING)):
            logger.error("the worker cluster gave no sign of life for %s; restarting it", silent)
            self.cluster.clear()
            self.cluster.start()
            self._send_again()
        elif silent > self.limit / 3:
            jobs.send("certificates.tasks.sign_of_life", name="sign of life")

    def _send_again(self) -> None:
        """A cluster that was ended has taken the messages in its hands with it."""
        try:
            jobs.take_up_lost(waiting=timedelta(0))
        except DatabaseError as error:
            logger.warning("lost jobs can't be sent again yet: %s", error)
