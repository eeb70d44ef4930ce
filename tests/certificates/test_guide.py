"""The third-party CA guide shows where the operator really stands (CM-19)."""

import pytest
from django.test import Client
from django.utils import timezone

from certificates.access import Actor
from certificates.models import Node, Purpose, RestartNotice
from certificates.operations.guide import steps_of
from certificates.operations.request import cancel_request, note_download
from tests.certificates.authority import Authority
from tests.certificates.conftest import Ask, Put
from tests.certificates.test_list import trusted

pytestmark = pytest.mark.spec("CM-19")


def stand(node: Node) -> tuple[list[int], int | None]:
    """Which steps are done, and which one is the next."""
    steps = steps_of(node, Purpose.TOMCAT)
    following = [step.number for step in steps if step.is_next]
    return [step.number for step in steps if step.is_done], next(iter(following), None)


def test_advances_with_what_is_there(
    node: Node, actor: Actor, ask: Ask, put: Put, ca: Authority
) -> None:
    RestartNotice.objects.all().delete()
    assert stand(node) == ([], 1)
    request = ask()
    assert stand(node) == ([1], 2)
    note_download(request, actor=actor, now=timezone.now())
    assert stand(node) == ([1, 2], 3)
    put(ca.sub, "tomcat-trust")
    RestartNotice.objects.all().delete()
    assert stand(node) == ([1, 2, 4, 5], 6)
    put(ca.sign(request.pem))
    assert stand(node) == ([1, 2, 3, 4, 5, 6], 7)
    RestartNotice.objects.open().update(closed_at=timezone.now())
    assert stand(node) == ([1, 2, 3, 4, 5, 6, 7], None)
    ask()  # the next time
    assert stand(node) == ([1, 4, 5], 2)


def test_a_cancelled_request_begins_anew(node: Node, actor: Actor, ask: Ask) -> None:
    cancel_request(ask(), actor=actor, now=timezone.now())

    assert stand(node) == ([], 1)


def test_the_certificate_of_a_server_is_no_ca(node: Node) -> None:
    trusted(node, "Gateway")

    assert stand(node) == ([], 1)


def test_each_step_links_to_its_dialog(administrator: Client, node: Node) -> None:
    page = administrator.get(
        "/admin/certificates/certificate/guide/?purpose=ipsec"
    ).content.decode()

    for address in (
        "signingrequest/generate/?purpose=ipsec",
        "signingrequest/download/",
        "certificate/upload/?purpose=ipsec-trust",
        "certificate/upload/?purpose=ipsec&amp;",
        "restartnotice/",
    ):
        assert address in page
    assert page.count('class="tick"') == 7


def test_the_dashboard_leads_to_it(administrator: Client, ask: Ask) -> None:
    ask(Purpose.IPSEC)

    page = administrator.get("/admin/").content.decode()

    assert "The ipsec signing request of ccx1.example.com awaits its certificate" in page
    assert "certificate/guide/?purpose=ipsec&amp;node=" in page
