"""Listens to the IKE daemon for as long as the product runs, and acts when it comes back (IP-7).

Three things only: what happens on the wire enters the histories, a daemon that has (re)started
gets its policies at once, and trials end within seconds. None is needed for a policy to be in
force: the minute's sweep would do the same, later.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from django.db import DatabaseError, close_old_connections
from django.utils import timezone

from certificates.access import Actor
from certificates.refusal import Refused
from ipsec.associations import Association, Child
from ipsec.explain import explain
from ipsec.models import Kind, Policy
from ipsec.operations.apply import apply
from ipsec.operations.history import Happening, record
from ipsec.operations.switch import end_trials
from ipsec.policy.choices import Authentication
from ipsec.policy.terms import OURS, is_guard, policy_of
from ipsec.strongswan import Daemon, DaemonError
from ipsec.transcripts import Failure, Transcripts

logger = logging.getLogger(__name__)
LISTENER = Actor("listener")
EVENTS = ("child-updown", "child-rekey", "log")
SILENCE = 0.5  # seconds without an event, after which other things are seen to
PAUSE = 2.0  # seconds between two looks at what is due, and between two tries to connect
FAILURES, FAILURES_WITHIN = 5, 60.0  # of one peer, in so many seconds, enter the histories
PEERS = 1_000  # that are told apart


class Listener:
    """One session after the other, until `stop` is set."""

    def __init__(self, stop: threading.Event) -> None:
        self.stop = stop
        self.daemon_since: datetime | None = None
        self.transcripts = Transcripts()
        self.is_needed = False
        self._complaint = ""
        self._next_look = 0.0
        self._failures: dict[tuple[str, ...], deque[float]] = {}  # when the last ones were told

    def run(self) -> None:
        """Until `stop` is set."""
        while not self.stop.is_set():
            self._try(self._session)
            self._look_after()
            self.stop.wait(PAUSE)

    def _session(self) -> None:
        with Daemon.open() as daemon, daemon.events(EVENTS, pause=SILENCE) as events:
            since, is_met = daemon.started_at(), False
            # It is listened to before the policies are loaded, so that nothing of them is missed.
            for event in events:
                if self.stop.is_set():
                    return
                if not is_met:
                    self._meet(since)
                    is_met = True
                if event is not None:
                    self._hear(*event)
                self._look_after()

    def _meet(self, since: datetime) -> None:
        """A daemon that is new to us holds nothing yet."""
        if since != self.daemon_since:
            if self.daemon_since is not None:
                told = f"The IKE daemon was restarted at {since:%Y-%m-%d %H:%M:%S} UTC."
                logger.warning("%s", told)
                happening = Happening(Kind.DAEMON, told)
                keys = Policy.objects.enabled().values_list("pk", flat=True)
                record(dict.fromkeys(keys, happening), at=timezone.now())
            self.daemon_since = since
        self._complaint = ""
        self._try(lambda: logger.info("%s", apply(actor=LISTENER)))

    def _look_after(self) -> None:
        """What is due, each 2 seconds."""
        now = time.monotonic()
        if now < self._next_look:
            return
        self._next_look = now + PAUSE
        close_old_connections()
        self._try(self._end_trials)

    def _end_trials(self) -> None:
        self.is_needed = Policy.objects.enabled().exists()
        ended = end_trials(now=timezone.now())
        for policy in ended:
            logger.warning("%s: nobody confirmed it; it is disabled again", policy)
        if ended:
            apply(actor=LISTENER)

    def _try(self, action: Callable[[], None]) -> None:
        """A complaint is logged once, until there is another one."""
        try:
            action()
        except DaemonError as error:
            # Where no policy is enabled, as before the first one is made, nobody misses it.
            self._complain(str(error), logging.WARNING if self.is_needed else logging.INFO)
        except (Refused, DatabaseError) as error:
            self._complain(str(error), logging.WARNING)

    def _complain(self, sentence: str, level: int) -> None:
        if sentence != self._complaint:
            logger.log(level, "%s", sentence)
        self._complaint = sentence

    def _is_bearable(self, failure: Failure) -> bool:
        """Anybody may send packets that fail, in any number and in a peer's name."""
        now = time.monotonic()
        if len(self._failures) > PEERS:
            self._failures.clear()
        told = self._failures.setdefault(
            (failure.connection, failure.child, *failure.hosts), deque(maxlen=FAILURES)
        )
        if len(told) == FAILURES and now - told[0] < FAILURES_WITHIN:
            return False
        told.append(now)
        return True

    def _hear(self, name: str, message: Mapping[str, Any]) -> None:
        if name == "log":
            failure = self.transcripts.add(message)
            if failure and self._is_bearable(failure):
                self._try(lambda: _record_failure(failure))
            return
        found = up_or_down(message) if name == "child-updown" else rekeyed(message)
        if found:
            self._try(lambda: _record(found))


def _record(found: Mapping[str, Happening]) -> None:
    """Into the histories of policies, by their "group/name"."""
    rows = Policy.objects.named(found)
    record({row.pk: found[str(row)] for row in rows}, at=timezone.now())


def _record_failure(failure: Failure) -> None:
    """Of all policies of the connection, or of those between the two hosts."""
    rows = [] if is_guard(failure.connection) else list(_concerned(failure))
    if not rows:
        return
    definition = rows[0].definition
    is_certificate = definition.authentication is Authentication.CERTIFICATE
    diagnosis = explain(failure.lines, definition, is_certificate=is_certificate)
    if diagnosis.is_established:
        return
    happening = Happening(Kind.FAILED, diagnosis.sentence, diagnosis.cure, diagnosis.field)
    record({row.pk: happening for row in rows}, at=timezone.now())


def _concerned(failure: Failure) -> Iterable[Policy]:
    enabled = Policy.objects.enabled()
    if failure.child:
        return enabled.named([policy_of(failure.child)])
    if failure.connection:
        with Daemon.open() as daemon:
            loaded = daemon.connections().get(failure.connection)
        return enabled.named(policy_of(child) for child in loaded.children) if loaded else []
    source, destination = failure.hosts
    return enabled.filter(source_address=source, destination_address=destination)


def up_or_down(message: Mapping[str, Any]) -> dict[str, Happening]:
    """The event `child-updown`: policy, as "group/name" -> what happened."""
    is_up = message.get("up") == b"yes"
    found = {}
    for association, child in _children(message):
        if is_up:
            said = f"Negotiated with {association.remote_host}: {algorithms(child)}."
        else:
            said = (
                f"Ended with {association.remote_host}, after {child.bytes_out} bytes out and"
                f" {child.bytes_in} in."
            )
        found[policy_of(child.name)] = Happening(Kind.UP if is_up else Kind.DOWN, said)
    return found


def rekeyed(message: Mapping[str, Any]) -> dict[str, Happening]:
    """The event `child-rekey`, which tells the old and the new of each child."""
    found = {}
    for name, body in message.items():
        if not name.startswith(OURS):
            continue
        for pair in body.get("child-sas", {}).values():
            child = Child.read(pair.get("new", {}), timezone.now())
            said = f"New keys were negotiated: {algorithms(child)}."
            found[policy_of(child.name)] = Happening(Kind.REKEY, said)
    return found


def algorithms(child: Child) -> str:
    """What a child was negotiated with, in the daemon's words."""
    bits = f"-{child.key_size}" if child.key_size else ""
    parts = (f"{child.encryption}{bits}", child.integrity, child.dh_group)
    return ", ".join(part for part in parts if part)


def _children(message: Mapping[str, Any]) -> Iterator[tuple[Association, Child]]:
    for name, body in message.items():
        if name.startswith(OURS):
            association = Association.read(name, body, timezone.now())
            for child in association.children:
                yield association, child
