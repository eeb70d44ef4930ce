"""What must be true of the exchange with other clusters; the SFTP server is not asked."""

from collections.abc import Iterator
from hashlib import sha256

from bulk.models import SERVER_SECRET, ExchangeServer, Plan, PlanItem
from bulk.models.plan import Verdict
from certificates.models import Action, Event
from certificates.operations.doctor import Asked
from certificates.operations.doctor.secrets import read_json
from certificates.refusal import Finding


def exchange_problems(_: Asked) -> Iterator[Finding]:
    """The server can be signed in to, and plans hold what they show."""
    server = ExchangeServer.objects.current()
    if server.is_set and server.host_key and not server.host_key_alarm:
        kept = read_json(SERVER_SECRET)
        if not kept or not (kept.get("password") or kept.get("private_key")):
            wrong = f"There is no password or key for {server}."
            cure = "Enter it under Bulk Certificate Management and press Save."
            yield Finding("exchange.secret", wrong, cure)
    yield from _plans()
    yield from _imports()


def _plans() -> Iterator[Finding]:
    """A plan installs exactly the bytes that were shown."""
    rows = PlanItem.objects.filter(verdict__in=[Verdict.NEW, Verdict.RENEWED]).order_by("pk")
    wanted = rows.values_list("plan", "name", "fingerprint", "der")
    for plan, name, fingerprint, der in wanted.iterator(chunk_size=1000):
        if sha256(bytes(der)).hexdigest() != fingerprint:
            wrong = f"The import plan {plan} holds other bytes for {name} than it shows."
            yield Finding("exchange.plan", wrong, "Do not import it: look at the exports again.")


def _imports() -> Iterator[Finding]:
    """An import that is noted is told in the audit log."""
    done = Plan.objects.exclude(imported_at=None)
    told = Event.objects.filter(action=Action.EXCHANGE_IMPORT.value).count()
    if done.count() > told:
        wrong = f"{done.count()} imports are noted, and the audit log tells of {told}."
        yield Finding("exchange.untold", wrong, "Somebody changed the database: look at its log.")
