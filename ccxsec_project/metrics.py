"""`/metrics` for Prometheus: what the database says at this moment, for whoever shows the token.

The registry is our own and holds nothing of this process: all web processes answer alike. What was
counted is kept for a while, so that asking often costs nothing.
"""

import hmac
from collections.abc import Iterable

from django.conf import settings
from django.core.cache import cache
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

from ccxsec_project.measures import measured

KEPT = 15  # seconds that an answer is handed out again
_KEY = "metrics"


class Measures(Collector):
    """A collector that counts when it is asked."""

    def collect(self) -> Iterable[Metric]:
        return measured()


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Without a token in the settings there is no such page; with a wrong one, 401."""
    wanted = settings.CCXSEC_METRICS_TOKEN
    if not wanted:
        raise Http404
    kind, _, given = request.headers.get("Authorization", "").partition(" ")
    is_right = hmac.compare_digest(given.strip().encode(), wanted.encode())
    if kind.lower() != "bearer" or not is_right:
        return HttpResponse(
            "A bearer token is needed.\n",
            status=401,
            content_type="text/plain",
            headers={"WWW-Authenticate": "Bearer"},
        )
    return HttpResponse(_text(), content_type=CONTENT_TYPE_PLAIN_0_0_4)


def _text() -> str:
    """Shared by all processes where Redis is."""
    found = cache.get(_KEY)
    if isinstance(found, str):
        return found
    text = _counted()
    cache.set(_KEY, text, KEPT)
    return text


def _counted() -> str:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Measures())
    return generate_latest(registry).decode()
