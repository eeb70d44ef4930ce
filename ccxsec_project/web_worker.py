"""The worker of gunicorn, the web server: threads, and nobody in one of them who says nothing."""

from typing import Any

from gunicorn.workers.gthread import _DEFER, ThreadWorker


class Worker(ThreadWorker):  # type: ignore[misc] # gunicorn has no types
    """A client that connects and is silent waits in the poller, as others do between requests.

    gunicorn would have it hold a thread for five seconds: as many as there are threads, such as
    browsers that connect ahead, would keep everybody else out meanwhile.
    """

    def handle(self, conn: Any) -> Any:
        if not conn.initialized and not conn.wait_for_data(0):
            return _DEFER
        return super().handle(conn)
