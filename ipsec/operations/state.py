"""How policies stand, all of them from one round with the daemon (IP-7)."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from django.utils import timezone

from ipsec.kernel import KernelUnreadable, installed_keys, installed_policies
from ipsec.models import Kind, Policy
from ipsec.operations.history import newest_of
from ipsec.operations.wanted import intent
from ipsec.standing import Heard, Intended, LastFailure, Standing, judge
from ipsec.strongswan import Daemon, DaemonError

PATIENCE = 5.0  # seconds for an answer: a page waits for it, and so does a thread of the web server


def standings(policies: Sequence[Policy], heard: Heard | None = None) -> dict[int, Standing]:
    """The verdict on each policy, by its primary key.

    Args:
        heard: what was heard just now; None: listen.
    """
    heard = heard or listen()
    failures = _last_failures([row.pk for row in policies])
    names = names_of(policies)
    return {row.pk: judge(_intended(row, names, failures.get(row.pk)), heard) for row in policies}


def listen() -> Heard:
    """Ask daemon and kernel, once each, for all that they hold.

    The kernel comes last: what the daemon tells of is there by then.
    """
    heard = Heard(timezone.now())
    try:
        with Daemon.open(patience=PATIENCE) as daemon:
            heard = replace(
                heard,
                daemon=daemon.version(),
                daemon_since=daemon.started_at(),
                connections=daemon.connections(),
                associations=daemon.associations(),
                traps=daemon.traps(),
            )
    except DaemonError as error:
        heard = replace(heard, silence=error.sentence, silence_cure=error.cure)
    try:
        keys = frozenset((one.source, one.destination) for one in installed_keys())
        return replace(heard, kernel=installed_policies(), keys=keys)
    except KernelUnreadable as error:
        return replace(heard, kernel_silence=str(error))


def names_of(policies: Sequence[Policy]) -> dict[str, tuple[str, str, str]]:
    """Policy, as "group/name" -> connection, child, and what stands in the way of both."""
    pairs = {(row.source_address, row.destination_address) for row in policies if row.is_enabled}
    if not pairs:
        return {}
    intended = intent(_of_pairs(pairs))
    found = {
        name: (one.connection.name, child, "")
        for one in intended.wanted.values()
        for name, child in one.connection.children.items()
    }
    return found | {name: ("", "", why) for name, why in intended.troubles.items()}


def _of_pairs(pairs: Iterable[tuple[str, str]]) -> list[Policy]:
    """Enabled policies of these pairs of hosts; one query for each 400 destinations."""
    wanted = set(pairs)
    destinations = sorted({destination for _, destination in wanted})
    rows: list[Policy] = []
    for start in range(0, len(destinations), 400):
        asked = destinations[start : start + 400]
        rows += Policy.objects.enabled().filter(destination_address__in=asked).in_list_order()
    return [row for row in rows if (row.source_address, row.destination_address) in wanted]


def _intended(
    row: Policy, names: dict[str, tuple[str, str, str]], failure: LastFailure | None
) -> Intended:
    connection, child, trouble = names.get(str(row), ("", "", ""))
    return Intended(
        definition=row.definition,
        is_enabled=row.is_enabled,
        connection=connection,
        child=child,
        trouble=trouble or row.trouble,
        changed_at=row.changed_at,
        failure=failure,
    )


def _last_failures(policies: Sequence[int]) -> dict[int, LastFailure]:
    """What each policy's history ends with, where that is a failure."""
    return {
        pk: LastFailure(row.last_at, row.sentence, row.cure, row.field)
        for pk, row in newest_of(policies).items()
        if row.kind == Kind.FAILED
    }
