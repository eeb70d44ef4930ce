"""Delete trust certificates: what depends on them first, then the deletion (CM-5, CM-6)."""

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from certificates.access import Actor
from certificates.models import (
    Certificate,
    Deployment,
    Event,
    Node,
    Purpose,
    RequestState,
    RestartNotice,
    SigningRequest,
)
from certificates.operations.delete import Deleted, delete_trusted, impact_of
from certificates.refusal import Refused
from tests.certificates.authority import Authority
from tests.certificates.conftest import Ask, Put, active


def trusted(name: str) -> Certificate:
    return Certificate.objects.trust().get(common_name=name)


def delete(actor: Actor, *rows: Certificate) -> Deleted:
    keys, now = [row.pk for row in rows], timezone.now()
    return delete_trusted(keys, shown=impact_of(keys, now=now).shown, actor=actor, now=now)


@pytest.mark.spec("CM-5", "CM-7")
def test_deletes_one_or_many_and_asks_for_restarts(
    node: Node, actor: Actor, put: Put, ca: Authority, other_ca: Authority
) -> None:
    for authority in (ca, other_ca):
        put(authority.root, "tomcat-trust")
    RestartNotice.objects.all().delete()
    generation = Deployment.objects.get(node=node, service="tomcat").generation

    delete(actor, trusted("Lab Root"), trusted("Other Root"))

    assert not Certificate.objects.trust().exists()
    assert RestartNotice.objects.open().get().service == "tomcat"
    assert Deployment.objects.get(node=node, service="tomcat").generation == generation + 1
    deleted = Event.objects.filter(action="trust:delete")
    assert {event.detail["subject"] for event in deleted} == {"Lab Root", "Other Root"}


@pytest.mark.spec("CM-5")
def test_names_the_certificates_in_force_that_need_it(
    node: Node, put: Put, ask: Ask, ca: Authority
) -> None:
    put(ca.pkcs7(ca.sign(ask().pem), ca.sub, ca.root))
    now = timezone.now()

    needed = impact_of([trusted("Lab Sub").pk], now=now)
    not_needed = impact_of([trusted("Lab Root").pk], now=now)

    assert needed.dependent == (active(node),)
    assert not_needed.dependent == ()  # the subordinate alone ends the path, too (CM-21)
    assert not_needed.issued == 1


@pytest.mark.spec("CM-6")
def test_the_pending_request_goes_too_and_is_named_before(
    node: Node, actor: Actor, put: Put, ask: Ask, ca: Authority
) -> None:
    put(ca.root, "tomcat-trust")
    tomcat, ipsec = ask(), ask(Purpose.IPSEC)

    assert impact_of([trusted("Lab Root").pk], now=timezone.now()).requests == (tomcat,)
    done = delete(actor, trusted("Lab Root"))

    assert done.impact.requests == (tomcat,)
    tomcat.refresh_from_db()
    assert tomcat.state == RequestState.CANCELLED
    assert SigningRequest.objects.pending().get() == ipsec


@pytest.mark.spec("CM-5")
def test_own_certificates_are_refused_with_what_to_do_instead(tomcat: Certificate) -> None:
    with pytest.raises(Refused, match="replaced, not deleted") as refusal:
        impact_of([tomcat.pk], now=timezone.now())

    assert refusal.value.code == "delete.own"
    assert "a CA has signed" in refusal.value.cure


@pytest.mark.parametrize("keys", [[], [0], [999_999]])
def test_what_is_not_there_is_refused(keys: list[int], node: Node) -> None:
    with pytest.raises(Refused) as refusal:
        impact_of(keys, now=timezone.now())

    assert refusal.value.code == "certificate.unknown"


def test_what_changed_since_it_was_shown_is_not_deleted(
    node: Node, actor: Actor, put: Put, ask: Ask, ca: Authority
) -> None:
    put(ca.root, "tomcat-trust")
    row, now = trusted("Lab Root"), timezone.now()
    shown = impact_of([row.pk], now=now).shown
    ask()  # now a request would go with it

    with pytest.raises(Refused) as refusal:
        delete_trusted([row.pk], shown=shown, actor=actor, now=now)

    assert refusal.value.code == "state.changed"
    assert trusted("Lab Root") == row


def test_asks_for_the_permission(node: Node, nobody: Actor, put: Put, ca: Authority) -> None:
    put(ca.root, "tomcat-trust")

    with pytest.raises(PermissionDenied):
        delete(nobody, trusted("Lab Root"))


def test_a_certificate_that_is_deleted_can_be_uploaded_again(
    node: Node, actor: Actor, put: Put, ca: Authority
) -> None:
    put(ca.root, "tomcat-trust")
    delete(actor, trusted("Lab Root"))

    assert put(ca.root, "tomcat-trust").trusted[0].file_name == "Lab_Root.pem"
