"""The worker of gunicorn, the web server: threads, and nobody in one of them who says nothing."""

import errno
import resource
import time
from typing import Any

from gunicorn.workers.gthread import _DEFER, ThreadWorker

NO_FILE_IS_LEFT = (errno.EMFILE, errno.ENFILE)
BREATH = 0.05  # seconds until it is tried again
# Before it takes another connection, a process waits for each that it has; seconds, and at most.
MODESTY, MOST_MODEST = 50e-6, 1e-3
OPEN_FILES = 4_096  # a thousand connections that wait, and what the threads open


def allow_open_files() -> None:
    """Raise this process's own limit, which its children inherit, as far as the system lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class Worker(ThreadWorker):  # type: ignore[misc] # gunicorn has no types
    """A client that connects and is silent waits in the poller, as others do between requests.

    gunicorn would have it hold a thread for five seconds: as many as there are threads, such as
    browsers that connect ahead, would keep everybody else out meanwhile.
    """

    nr_conns: int

    def accept(self, listener: Any) -> None:
        """Who comes while no file can be opened waits to be accepted: gunicorn's worker would end.

        A thousand silent connections are as many files as a process may open by default.

        And who has many connections leaves the next one to a process that has fewer: the first one
        to wake would else take all that come at once, and keep them, while the others are idle.
        """
        try:
            super().accept(listener)
            time.sleep(min(self.nr_conns * MODESTY, MOST_MODEST))
        except OSError as error:
            if error.errno not in NO_FILE_IS_LEFT:
                raise
            time.sleep(BREATH)

    def handle(self, conn: Any) -> Any:
        # A worker that stops defers nobody any more: it would cut the connection.
        if self.alive and not conn.initialized and not conn.wait_for_data(0):
            return _DEFER
        return super().handle(conn)

    def finish_request(self, conn: Any, fs: Any) -> None:
        """A connection ends once: gunicorn counts one that fails while it is closed twice."""
        others = self.nr_conns - 1
        super().finish_request(conn, fs)
        self.nr_conns = max(self.nr_conns, others)
