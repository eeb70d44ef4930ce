"""A sweep of the Certificate Monitor, against the bare SQL that fetches the same rows.

One certificate in a hundred is due. The reference is one SELECT of what a notice says of a
certificate, for the same rows, fetched by a cursor. The first sweep of a period writes a notice
for each; every other one finds that all are there. In the end all of them become one message.
"""

import sys
from argparse import Namespace
from datetime import datetime, timedelta
from pathlib import Path

from django.db import connection, transaction
from django.utils import timezone

from benchmarks import rows
from benchmarks.report import Table
from benchmarks.timing import Times
from certificates.expiry.mail import digest_message
from certificates.expiry.periods import rule_of
from certificates.models import Certificate, Channel, Message, Notification
from certificates.operations.monitoring.compose import claim, digest_for
from certificates.operations.monitoring.evaluate import drop_what_is_over, evaluate

ROUNDS = 7
COPIES = 100  # of each row; one of them is due
RULE = rule_of(30, 1, "days")
CHANNELS = [Channel.EMAIL]
_BARE = """
    SELECT c.id, n.host_name, c.file_name, c.purpose, c.is_own, c.common_name, c.fingerprint,
           c.not_after
    FROM certificates_certificate c JOIN certificates_node n ON n.id = c.node_id
    WHERE c.state = 'active' AND c.not_after <= %s
"""
# How a copy differs from its row, by database: a number as eight digits, and later days.
_DIFFERS = {
    "sqlite": ("printf('%%08x', copy.n)", "datetime({}, '+' || (copy.n * 15 + 60) || ' days')"),
    "postgresql": ("lpad(to_hex(copy.n), 8, '0')", "{} + (copy.n * 15 + 60) * interval '1 day'"),
}

# What a database does by itself, only later; else the first sweep would pay for the filling.
_SETTLED = {
    "sqlite": ("ANALYZE", "PRAGMA wal_checkpoint(TRUNCATE)"),
    "postgresql": ("VACUUM ANALYZE", "CHECKPOINT"),
}


def measure(options: Namespace) -> list[Table]:
    print(f"monitor: making {options.rows:,} certificates ...", file=sys.stderr)
    now = timezone.now().replace(microsecond=0)
    _fill(options.rows // COPIES, now)
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here on
    bare, first, later, composed = Times(), Times(), Times(), Times()
    for number in range(ROUNDS):
        at = now + timedelta(seconds=number)
        fetched = bare.measure(lambda at=at: _bare(at))  # type: ignore[misc] # bound early
        written = first.measure(lambda at=at: evaluate(CHANNELS, RULE, now=at))  # type: ignore[misc]
        later.measure(lambda at=at: _sweep(at))  # type: ignore[misc]
        size = composed.measure(lambda at=at: _compose(at))  # type: ignore[misc]
        if written != fetched:
            raise RuntimeError(f"{written} notices for {fetched} rows")
        with transaction.atomic():
            Notification.objects.all().delete()
            Message.objects.all().delete()
    peak = _peak_memory()
    named = {
        "bare SELECT of the same rows": bare,
        "sweep that finds every notice there": later,
        "sweep that writes them all": first,
        "one message of them all": composed,
    }
    title = f"Sweep: {Certificate.objects.count():,} certificates, {written:,} due"
    title += f", {connection.vendor}; message {size / 1e6:.1f} MB, peak memory {peak:.0f} MB"
    return [
        Table(
            title,
            ("work", "median ms", "least ms", "times bare"),
            [(name, t.median, t.least, t.median / bare.median) for name, t in named.items()],
        )
    ]


def _peak_memory() -> float:
    """Of this process, in megabytes."""
    [line] = [
        line for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line
    ]
    return int(line.split()[1]) / 1024


def _bare(at: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_BARE, [at + RULE.start])
        return len(cursor.fetchall())


def _sweep(at: datetime) -> None:
    """What each minute does when nothing is new."""
    evaluate(CHANNELS, RULE, now=at)
    drop_what_is_over(CHANNELS, RULE, now=at)


def _compose(at: datetime) -> int:
    to = ["ops@example.com"]
    message = claim(Channel.EMAIL, sender=to[0], recipients=to, token="bench", now=at)
    if message is None:
        raise RuntimeError("nothing is due")
    made = digest_message(
        digest_for(message), message_id=message.identifier, sender=to[0], recipients=to
    )
    return len(made)


def _fill(due: int, now: datetime) -> None:
    """Rows that are due, and copies of each, made by the database, that are not."""
    rows.fill(due, now)
    mine = Certificate.objects.trust()
    for number, pk in enumerate(mine.order_by("pk").values_list("pk", flat=True)):
        if number % 50 == 0:
            end = now + timedelta(hours=number % 800 - 100)
            mine.filter(pk__gte=pk).update(not_after=end)
    fields = [f.column for f in Certificate._meta.local_concrete_fields if not f.primary_key]
    digits, ends = _DIFFERS[connection.vendor]
    changed = {
        "fingerprint": f"substr(fingerprint, 1, 56) || {digits}",
        "file_name": f"{digits} || file_name",
        "not_after": ends.format("not_after"),
    }
    selected = ", ".join(changed.get(name, name) for name in fields)
    copies = "WITH RECURSIVE copy(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM copy WHERE n < %s)"
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO certificates_certificate ({', '.join(fields)}) {copies}"
            f" SELECT {selected} FROM certificates_certificate, copy WHERE NOT is_own",
            [COPIES - 1],
        )
        for statement in _SETTLED[connection.vendor]:
            cursor.execute(statement)
