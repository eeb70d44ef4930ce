"""What several administrators are shown, and what each of them then does: run in the worker."""

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from django.utils import timezone

from certificates.models import BackupReminder, Certificate, Node, Purpose, RestartNotice
from certificates.operations import acknowledge_restart, save_node
from certificates.operations.copy_trust import Wanted, examine_copy
from certificates.operations.delete import impact_of
from certificates.operations.request import cancel_request
from tests.lab import racing
from tests.lab.authority import Authority
from tests.lab.changes import (
    ACTOR,
    active_fingerprint,
    deploy,
    pending_request,
    pending_requests,
    replace_certificate,
    shown_of,
    shown_of_roll_back,
)
from tests.lab.racing import Act

EXTRA = "Extra"  # an authority of this name may stand in the store alone


# --- Everybody wants the same --------------------------------------------------------------------
def twenty_requests() -> list[Act]:
    return [("request", [pending_requests()])] * 20


def requests_for_both_nodes() -> list[Act]:
    """The same two nodes, in either order."""
    here, there = Node.objects.local().pk, _other_node().pk
    pending = pending_requests()
    orders = [(here, there), (there, here)]
    return [("request_for_both", [pending, *order]) for order in orders * 3]


def same_answer() -> list[Act]:
    return [_installation()] * 4


def different_answers() -> list[Act]:
    """Different chains to the same request."""
    return [_installation() for _ in range(4)]


def roll_backs() -> list[Act]:
    return [_roll_back()] * 4


def deletions() -> list[Act]:
    return [_deletion(_added(3))] * 4


def overlapping_deletions() -> list[Act]:
    first, both, last = _added(3)
    return [_deletion([first, both]), _deletion([last, both])] * 2


def copies() -> list[Act]:
    """The same certificates to the same node."""
    _added(3)
    node, here = _other_node(), Node.objects.local()
    extra = here.certificates.trust().filter(common_name__startswith=EXTRA).order_by("-pk")[:3]
    fingerprints = [row.fingerprint for row in extra]
    wanted = Wanted((here,), tuple(fingerprints))
    found = examine_copy(node, Purpose.TOMCAT_TRUST, wanted, now=timezone.now())
    return [("copy_all", [node.pk, fingerprints, found.shown])] * 4


def cancellations() -> list[Act]:
    return [("cancel", [pending_request().pk])] * 4


def reopenings() -> list[Act]:
    return [("reopen", [_closed_request()])] * 4


# --- Two want what excludes each other -----------------------------------------------------------
def install_or_roll_back() -> list[Act]:
    back = _roll_back()  # first: it may have to make something to go back to
    return [_installation(), back]


def install_or_cancel() -> list[Act]:
    return [_installation(), ("cancel", [pending_request().pk])]


def install_or_supersede() -> list[Act]:
    return [_installation(), ("request", [pending_requests()])]


def install_or_regenerate() -> list[Act]:
    return [_installation(), ("regenerate", [active_fingerprint()])]


def install_or_delete_its_issuer() -> list[Act]:
    """The certificate comes alone: its issuers are in the store already."""
    authority = Authority(EXTRA)
    racing.bring_in(*(_der(one) for one in (authority.root, authority.issuing)))
    answer = _der(authority.certify(pending_request().pem))
    above = Certificate.objects.trust().latest("pk")
    installation = ("install", [answer, shown_of(bytes.fromhex(answer))])
    return [installation, _deletion([above.pk])]


def install_or_delete_with_its_request() -> list[Act]:
    """The deletion takes the pending request along (CM-6)."""
    installation = _installation()
    return [installation, _deletion(_added(1))]


def delete_or_supersede() -> list[Act]:
    pending_request()
    return [_deletion(_added(1)), ("request", [pending_requests()])]


def reopen_or_request() -> list[Act]:
    return [("reopen", [_closed_request()]), ("request", [[]])]


def roll_back_or_regenerate() -> list[Act]:
    return [_roll_back(), ("regenerate", [active_fingerprint()])]


# --- All can be done -----------------------------------------------------------------------------
def imports_of_the_same() -> list[Act]:
    return [("bring_in", [_extra() for _ in range(5)])] * 4


def import_and_delete() -> list[Act]:
    """One of the files holds what is deleted."""
    [known] = _added(1)
    der = bytes(Certificate.objects.get(pk=known).der).hex()
    return [("bring_in", [der, _extra(), _extra()]), _deletion([known])]


def changes_of_both_services() -> list[Act]:
    """They share the audit log, the reminder of the backup, and nothing else."""
    ipsec = Node.objects.local().certificates.active().for_purpose(Purpose.IPSEC).get()
    return [
        ("regenerate", [active_fingerprint()]),
        ("regenerate", [ipsec.fingerprint, Purpose.IPSEC]),
        ("bring_in", [_extra()]),
    ]


def change_and_acknowledge() -> list[Act]:
    """What the change opens anew is being closed."""
    deploy(replace_certificate(active_fingerprint()).job)
    due = RestartNotice.objects.open().get(node__is_local=True, service="tomcat")
    return [("regenerate", [active_fingerprint()]), ("acknowledge_the_restart", [due.pk])]


def change_and_acknowledge_the_backup() -> list[Act]:
    """The change adds its name to the reminder."""
    if not BackupReminder.objects.open().exists():
        deploy(replace_certificate(active_fingerprint()).job)
    BackupReminder.objects.open().update(reason="")
    return [("regenerate", [active_fingerprint()]), ("acknowledge_the_backup", [])]


def change_and_rename_another_node() -> list[Act]:
    """The change opens a notice for that node too, where none is open."""
    other = _other_node()
    for notice in other.restart_notices.filter(closed_at=None):
        acknowledge_restart(notice, actor=ACTOR, now=timezone.now())
    return [("regenerate", [active_fingerprint()]), ("rename", [other.pk])]


def _installation() -> Act:
    answer = Authority().answer(pending_request().pem)
    return "install", [answer.hex(), shown_of(answer)]


def _roll_back() -> Act:
    if not Node.objects.local().certificates.former().for_purpose(Purpose.TOMCAT).exists():
        deploy(replace_certificate(active_fingerprint()).job)
    return "roll_back", [shown_of_roll_back()]


def _deletion(chosen: list[int]) -> Act:
    return "delete", [chosen, impact_of(chosen, now=timezone.now()).shown]


def _closed_request() -> int:
    """Key of one that was cancelled; nothing is pending."""
    row = pending_request()
    cancel_request(row, actor=ACTOR, now=timezone.now())
    return int(row.pk)


def _added(many: int) -> list[int]:
    """Keys of certificates in the trust store on which nothing depends."""
    racing.bring_in(*(_extra() for _ in range(many)))
    return list(Certificate.objects.trust().order_by("-pk").values_list("pk", flat=True)[:many])


def _extra() -> str:
    return _der(Authority(EXTRA).root)


def _der(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.DER).hex()


def _other_node() -> Node:
    row = Node.objects.filter(is_local=False).first()
    return row or save_node(Node(), host_name="ccx2.example.com", actor=ACTOR)
