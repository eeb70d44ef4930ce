"""Plans, and what several do with them at once: run in the worker, without a server."""

import uuid
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from django.utils import timezone

from bulk.models import Cluster, Origin, Plan, Verdict
from bulk.operations import forget_cluster, request_import
from bulk.operations.judge import Brought, judge
from bulk.operations.look import keep
from certificates import jobs
from certificates.models import Certificate, Node, Purpose, Role
from certificates.operations import save_node
from certificates.operations.delete import impact_of
from certificates.refusal import Refused
from tests.lab.changes import ACTOR, active_fingerprint
from tests.lab.exchange.forging import STRANGER, self_signed
from tests.lab.racing import Act

HERE = __name__
BROUGHT = 12  # certificates of a plan
KEYS = {"tomcat": "SHA256:" + "A" * 43}


def set_up() -> None:
    """A second node, whose trust store an import fills, too."""
    save_node(Node(), host_name="ccx2.example.com", role=Role.SUBSCRIBER, actor=ACTOR)


# --- What is done at once ------------------------------------------------------------------------
def same_plan() -> list[Act]:
    plan = _plan(_cluster(), _new())
    return [_import(plan)] * 3


def two_plans() -> list[Act]:
    """Both bring some of the same certificates; each removes what the other's cluster lacks."""
    shared, first, second = _new(4), _cluster(), _cluster()
    plans = [_plan(first, [*shared, *_new(4)]), _plan(second, [*shared, *_new(4)])]
    return [_import(plan, remove=True) for plan in plans]


def import_and_delete() -> list[Act]:
    """What is being deleted is in the plan, already there."""
    cluster, old = _cluster(), _new(6)
    _work_off(_plan(cluster, old), remove=False)
    rows = Certificate.objects.trust().filter(origins__cluster=cluster).values_list("pk", flat=True)
    chosen = list(rows[:3])
    shown = impact_of(chosen, now=timezone.now()).shown
    return [_import(_plan(cluster, _new()), remove=True), ("delete", [chosen, shown])]


def import_and_upload() -> list[Act]:
    """The same certificates, by an operator."""
    pems = _new()
    ders = [
        x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER).hex() for pem in pems[:4]
    ]
    return [_import(_plan(_cluster(), pems)), ("bring_in", ders)]


def import_and_forget() -> list[Act]:
    cluster = _cluster()
    return [_import(_plan(cluster, _new())), (f"{HERE}:forget", [cluster.pk])]


def import_and_regenerate() -> list[Act]:
    return [_import(_plan(_cluster(), _new())), ("regenerate", [active_fingerprint()])]


# --- What each does ------------------------------------------------------------------------------
def import_plan(pk: int, remove: bool) -> None:
    _work_off(Plan.objects.get(pk=pk), remove=remove)


def forget(pk: int) -> None:
    forget_cluster(Cluster.objects.get(pk=pk), actor=ACTOR)


def _work_off(plan: Plan, *, remove: bool) -> None:
    """Raises `Refused` with what the run said, if it failed."""
    try:
        job = request_import(plan, shown=plan.digest, remove=remove, actor=ACTOR)
    except Refused as refused:
        if refused.code == "import.done":
            return
        raise
    done = jobs.run(job.pk)
    if done and done.state != "done":
        raise Refused(f"run.{done.state}", done.messages[-1], "")


def half_imported() -> list[str]:
    """The newest plan, unless all that it adds is on every node, or nothing is of its cluster."""
    plan = Plan.objects.latest("pk")
    new = list(plan.items.filter(verdict=Verdict.NEW).values_list("fingerprint", flat=True))
    rows = Certificate.objects.trust().filter(fingerprint__in=new)
    if plan.imported_at:
        is_whole = rows.count() == len(new) * Node.objects.count()
    else:
        came = Origin.objects.filter(cluster__in=[noted["pk"] for noted in plan.clusters])
        is_whole = not came.filter(certificate__fingerprint__in=new).exists()
    return [] if is_whole else [f"{plan.pk}: {rows.count()} rows of {len(new)} certificates"]


def _import(plan: Plan, *, remove: bool = False) -> Act:
    return f"{HERE}:import_plan", [plan.pk, remove]


def _cluster() -> Cluster:
    return Cluster.objects.create(
        cluster_id=uuid.uuid4(),
        name="Graz",
        keys=KEYS,
        confirmed_at=datetime.now(UTC),
        confirmed_by="lab",
    )


def _new(count: int = BROUGHT) -> list[bytes]:
    return [
        self_signed(STRANGER, f"{uuid.uuid4()}.example").public_bytes(Encoding.PEM)
        for _ in range(count)
    ]


def _plan(cluster: Cluster, pems: list[bytes]) -> Plan:
    """As a look makes it of what the cluster would have exported."""
    now = timezone.now()
    files = [(f"item {number}", pem) for number, pem in enumerate(pems, 1)]
    items = judge(Brought(cluster, "Graz", Purpose.TOMCAT_TRUST, now, files), now=now)
    noted = {"pk": cluster.pk, "service": "tomcat", "number": 1, "made_at": now.isoformat()}
    noted |= {"name": "Graz", "nodes": ["graz.example"], "keys": KEYS}
    row = Plan(source="race", made_at=now, made_by="lab", clusters=[noted])
    return keep(row, items)
