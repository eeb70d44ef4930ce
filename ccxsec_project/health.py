"""Two questions of load balancers and service managers: is it alive, and may it be sent work.

Nobody signs in for them, so they tell little and cost little: no session, no host name, no version;
and what the second one looks at is looked at once a second, however often it is asked.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.http.response import HttpResponseBase
from django.utils import timezone

from ccxsec_project.starting import open_seals, waiting_migrations
from certificates.models import Heartbeat
from certificates.secrets import SealError
from certificates.tasks import WORKER

KEPT = 1.0  # seconds that an answer of `readyz` holds
ASKED = ("GET", "HEAD")


@dataclass(frozen=True, slots=True)
class Readiness:
    """What a process needs to do its work. None: it can't be told, as the database is away."""

    database: bool
    migrations: bool | None = None
    master_key: bool | None = None
    worker: bool | None = None
    worker_age: int | None = None  # seconds since the last sign of life of any worker

    @property
    def is_ready(self) -> bool:
        return all((self.database, self.migrations, self.master_key, self.worker))

    def to_json(self) -> dict[str, object]:
        words = {True: "ok", False: "failed", None: "unknown"}
        return {
            "ready": self.is_ready,
            "database": words[self.database],
            "migrations": words[self.migrations],
            "master_key": words[self.master_key],
            "worker": words[self.worker],
            "worker_age_seconds": self.worker_age,
        }


def look() -> Readiness:
    """Look at each part now: four small queries."""
    try:
        beat = Heartbeat.objects.filter(name=WORKER).values_list("seen_at", flat=True).first()
        is_current, opens = not waiting_migrations(), _opens()
    except DatabaseError:
        return Readiness(database=False)
    age = max(timezone.now() - beat, timedelta()) if beat else None
    limit = timedelta(seconds=settings.CCXSEC_HEARTBEAT_LIMIT)
    return Readiness(
        database=True,
        migrations=is_current,
        master_key=opens,
        worker=age is not None and age < limit,
        worker_age=int(age.total_seconds()) if age is not None else None,
    )


def _opens() -> bool:
    try:
        open_seals()
    except SealError:
        return False
    return True


@dataclass
class Remembered:
    """The last answer of a function for a while; who asks meanwhile waits for no second one."""

    seconds: float
    _at: float = float("-inf")
    _answer: Readiness | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, function: Callable[[], Readiness]) -> Readiness:
        with self._lock:
            if self._answer is None or time.monotonic() - self._at >= self.seconds:
                self._answer = function()
                self._at = time.monotonic()
            return self._answer

    def forget(self) -> None:
        self._answer = None


remembered = Remembered(KEPT)


def healthz(request: HttpRequest) -> HttpResponseBase:
    """This process answers; whatever else is wrong, a restart of it would not help."""
    if request.method not in ASKED:
        return HttpResponseNotAllowed(ASKED)
    return HttpResponse("ok\n", content_type="text/plain")


def readyz(request: HttpRequest) -> HttpResponseBase:
    """200: send work here. 503: the answer names the part that is missing."""
    if request.method not in ASKED:
        return HttpResponseNotAllowed(ASKED)
    found = remembered.ask(look)
    return JsonResponse(found.to_json(), status=200 if found.is_ready else 503)


PROBES = {"/healthz": healthz, "/readyz": readyz}


class Probes:
    """Answers both before anybody looks at the host name: load balancers ask by address."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        probe = PROBES.get(request.path_info)
        return probe(request) if probe else self.get_response(request)
