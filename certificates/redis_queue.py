"""The worker's queue in Redis, where `REDIS_URL` names one; without it the database is the queue.

Redis may forget everything at any moment: a message is a job's number and nothing else, and the row
of the job is what counts. `certificates.jobs` sends it after the commit, and again where it was
lost. So Redis needs neither persistence nor a backup.
"""

import logging
import time
from typing import Any

import redis
from django.conf import settings
from django_q.brokers.redis_broker import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

logger = logging.getLogger(__name__)
CONNECT = 2.0  # seconds to reach Redis: a page that queues a job waits for it
ANSWER = 10.0  # seconds for an answer; longer than the second that a worker waits for a message
PAUSE = 1.0  # seconds before a worker asks again a Redis that does not answer
CHECK_AFTER = 30  # seconds of silence after which a connection is tried before it is used


class RedisQueue(Redis):  # type: ignore[misc] # the library has no types
    """The library's own, but for a Redis that is away: a worker waits until it is there again."""

    _is_away = False

    def dequeue(self) -> Any:
        """The next message, within a second; None: there is none."""
        try:
            found = super().dequeue()
        except redis.RedisError as error:
            if not self._is_away:
                logger.warning("the queue in Redis can't be reached: %s", error)
            self._is_away = True
            time.sleep(PAUSE)
            return None
        self._is_away = False
        return found

    @staticmethod
    def get_connection(list_key: str | None = None) -> Any:
        """One that gives up soon; what stands in the URL wins over these limits."""
        return redis.Redis.from_url(
            settings.REDIS_URL,
            socket_connect_timeout=CONNECT,
            socket_timeout=ANSWER,
            health_check_interval=CHECK_AFTER,
            retry=Retry(NoBackoff(), 1),
        )
