"""Host names of policies, resolved as the IKE daemon would, all at once and with an end to it."""

from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait

from certificates.outgoing import look_up

PATIENCE = 3.0  # seconds for all names together
AT_ONCE = 32


def resolve(names: Iterable[str]) -> dict[str, list[str]]:
    """Each name's addresses, in the order of the system's preference; none where it has none.

    A name that nobody answers for in time counts as one without addresses.
    """
    wanted = sorted(set(names))
    if not wanted:
        return {}
    pool = ThreadPoolExecutor(max_workers=min(AT_ONCE, len(wanted)))
    asked: dict[str, Future[list[str]]] = {name: pool.submit(_look_up, name) for name in wanted}
    wait(asked.values(), timeout=PATIENCE)
    pool.shutdown(wait=False, cancel_futures=True)
    return {
        name: future.result() if future.done() and not future.cancelled() else []
        for name, future in asked.items()
    }


def _look_up(name: str) -> list[str]:
    try:
        return list(look_up(name))
    except (OSError, UnicodeError):
        return []
