"""Signing requests and the guide, as the server answers them (CM-16 to CM-19)."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from certificates.access import Actor
from certificates.models import (
    Certificate,
    Event,
    Job,
    Node,
    Purpose,
    RequestState,
    RestartNotice,
    SigningRequest,
)
from certificates.operations.request import PENDING, cancel_request
from tests.certificates.authority import Authority
from tests.certificates.conftest import Ask, Put
from tests.conftest import HttpsClient

LIST = "/admin/certificates/certificate/"
REQUESTS = "/admin/certificates/signingrequest/"


def state() -> list[Any]:
    """What a screen may change."""
    rows = Certificate.objects.order_by("pk").values_list("pk", "state")
    columns = ("pk", "state", "downloaded_at")
    requests = SigningRequest.objects.order_by("pk").values_list(*columns)
    return [*rows, *requests, Event.objects.count(), Job.objects.count()]


def page_of(request: SigningRequest) -> str:
    return f"{REQUESTS}{request.pk}/"


def text_of(response: Any) -> str:
    """The words of a page, without its markup."""
    assert response.status_code in (200, 422)
    page = re.sub(r"<script.*?</script>|<[^>]*>", " ", response.content.decode(), flags=re.DOTALL)
    return re.sub(r"\s+", " ", page)


@pytest.fixture
def dialog(administrator: HttpsClient) -> Callable[..., Any]:
    """Generate CSR, as the dialog was shown, with some fields changed."""

    def send(at: str = "", **changed: object) -> Any:
        form = administrator.get(f"{REQUESTS}generate/{at}").context["form"]
        data = form.initial | {"key": "rsa-2048", "signed_with": "SHA256"} | changed
        return administrator.post(f"{REQUESTS}generate/{at}", data)

    return send


@pytest.mark.spec("CM-16")
def test_generate_csr_makes_a_request_and_says_what_to_do_next(
    dialog: Callable[..., Any], administrator: HttpsClient, node: Node
) -> None:
    answer = dialog(organization="Größe & Co", country="de")

    request = SigningRequest.objects.get()
    assert answer["Location"] == page_of(request)
    page = text_of(administrator.get(page_of(request)))
    assert "Made tomcat.csr with a new key, RSA 2048. Download it, have a CA sign it" in page
    assert "Größe &amp; Co" in page
    assert "C=DE" in page
    assert request.made_by == "Security-administrator, 127.0.0.1"


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"key": "rsa-1024"}, "can be broken"),
    ({"key": "rsa-1536"}, "Select a valid choice"),
    ({"key": "ec-p256"}, "Select a valid choice"),
    ({"signed_with": "SHA1"}, "Select a valid choice"),
    ({"common_name": ""}, "This field is required"),
    ({"common_name": "two words"}, "is neither a host name nor an IP address"),
    ({"common_name": "<img src=x>"}, "is neither a host name nor an IP address"),
    ({"common_name": "a" * 65}, "at most 64 characters"),
    ({"organization": "a\u202eb"}, "invisible characters"),
    ({"names": "good.example.com\nbad name"}, "bad name"),
    ({"names": ",".join(f"h{n}.example.com" for n in range(501))}, "more than 500"),
    ({"country": "XYZ"}, "X.520 allows 2"),
    ({"country": "1x"}, "is not a two-letter code"),
    ({"replacing": "7"}, "was changed since you looked at it"),
    ({"prepared_for": "1 ipsec node"}, "You have chosen another node or purpose"),
]


@pytest.mark.spec("CM-15", "CM-16")
def test_generate_csr_names_what_it_refuses_and_changes_nothing(
    dialog: Callable[..., Any], node: Node
) -> None:
    before = state()

    for changed, words in REFUSED:
        answer = dialog(**changed)
        assert answer.status_code == 422, changed
        assert words in text_of(answer)
    assert state() == before


def test_a_pending_request_is_named_and_superseded_when_confirmed(
    dialog: Callable[..., Any], administrator: HttpsClient, request_: SigningRequest
) -> None:
    shown = administrator.get(f"{REQUESTS}generate/").content.decode()
    refused = dialog()

    assert f'<a href="{page_of(request_)}">tomcat.csr</a>' in shown
    assert refused.status_code == 422
    assert "awaits its certificate" in text_of(refused)
    assert dialog(confirm_pending="on").status_code == 302
    request_.refresh_from_db()
    assert request_.state == RequestState.SUPERSEDED


@pytest.mark.spec("CM-18", "CM-24", "MN-3")
def test_download_csr_hands_out_exactly_the_pem_and_remembers_it(
    administrator: HttpsClient, request_: SigningRequest, ca: Authority
) -> None:
    offered = administrator.get(f"{REQUESTS}download/").context["form"].fields["request"].choices
    answer = administrator.post(f"{REQUESTS}download/", {"request": request_.pk})

    assert offered == [(str(request_.pk), "tomcat (ccx1.example.com)")]
    assert answer.content.decode() == request_.pem
    assert answer["Content-Disposition"] == 'attachment; filename="tomcat.csr"'
    assert answer["Content-Type"] == "application/x-pem-file"
    assert ca.run("req", "-noout", "-verify", "-subject", given=answer.content)
    request_.refresh_from_db()
    assert request_.downloaded_at is not None
    assert Event.objects.filter(action="signing-request:download").count() == 1


def test_download_csr_says_when_nothing_is_pending(administrator: HttpsClient, node: Node) -> None:
    page = administrator.get(f"{REQUESTS}download/").content.decode()

    assert "No signing request is pending. Generate a CSR first." in page
    assert "Download CSR</button>" not in page


@pytest.mark.spec("CM-1")
def test_the_list_shows_what_awaits_a_certificate_with_a_link(
    administrator: HttpsClient, request_: SigningRequest
) -> None:
    page = administrator.get(LIST).content.decode()

    assert f'<a href="{page_of(request_)}">tomcat.csr</a>' in page
    assert "CSR only" in page
    assert f'<a href="{page_of(request_)}">' in administrator.get(REQUESTS).content.decode()


@pytest.mark.parametrize("kind", RequestState.values)
def test_the_page_of_a_request_offers_what_its_state_allows(
    kind: str,
    administrator: HttpsClient,
    request_: SigningRequest,
    ask: Ask,
    actor: Actor,
    put: Put,
    ca: Authority,
) -> None:
    if kind == "consumed":
        put(ca.pkcs7(ca.sign(request_.pem), ca.sub))
    elif kind == "superseded":
        ask(replacing=[request_.pk], confirmed=[PENDING])
    elif kind == "cancelled":
        cancel_request(request_, actor=actor, now=timezone.now())

    page = text_of(administrator.get(page_of(request_)))

    assert kind.capitalize() in page
    assert "-----BEGIN CERTIFICATE REQUEST-----" in page
    assert "TLS Web Server Authentication, TLS Web Client Authentication, IPSec End System" in page
    assert ("Upload the answer" in page) == ("Cancel the request" in page) == (kind == "pending")
    assert ("Take this request up again" in page) == (kind in ("superseded", "cancelled"))
    assert ("is superseded then" in page) == (kind == "superseded")
    assert ("Consumed by tomcat.pem" in page) == (kind == "consumed")


def test_a_request_is_cancelled_and_taken_up_again(
    administrator: HttpsClient, request_: SigningRequest
) -> None:
    for verb, words in (
        ("cancel", "Its key is kept: it can be taken up again."),
        ("cancel", "There is nothing to cancel. Nothing was changed."),
        ("reopen", "is pending again."),
        ("reopen", "There is nothing to take up. Nothing was changed."),
    ):
        answer = administrator.post(f"{page_of(request_)}{verb}/", follow=True)
        assert words in text_of(answer)
    request_.refresh_from_db()
    assert request_.is_pending


def test_taking_up_a_request_supersedes_only_the_one_that_was_shown(
    administrator: HttpsClient, request_: SigningRequest, ask: Ask
) -> None:
    newer = ask(replacing=[request_.pk], confirmed=[PENDING])
    shown = administrator.get(page_of(request_)).content.decode()
    assert f'name="replacing" value="{newer.pk}"' in shown
    before = state()

    for stale in ({}, {"replacing": request_.pk}, {"replacing": "x"}, {"replacing": 999}):
        answer = administrator.post(f"{page_of(request_)}reopen/", stale, follow=True)
        assert "Nothing was changed" in text_of(answer)
    assert state() == before
    sent = {"replacing": newer.pk}
    answer = administrator.post(f"{page_of(request_)}reopen/", sent, follow=True)
    assert "is pending again" in text_of(answer)


@pytest.mark.parametrize("purpose", Purpose.own())
@pytest.mark.parametrize("local", [True, False])
def test_the_guide_is_for_any_purpose_of_any_node(
    purpose: Purpose, local: bool, administrator: HttpsClient, node: Node, ask: Ask
) -> None:
    place = node if local else Node.objects.create(host_name="ccx2.example.com")
    address = f"{LIST}guide/?purpose={purpose}&node={place.pk}"

    def following() -> list[int]:
        return [
            step.number for step, _ in administrator.get(address).context["steps"] if step.is_next
        ]

    assert following() == [1]
    request = ask(purpose, at=place)
    page = administrator.get(address).content.decode()
    assert following() == [2]
    for link in (
        f"{REQUESTS}generate/?purpose={purpose}&amp;node={place.pk}",
        f"{LIST}upload/?purpose={purpose}-trust&amp;node={place.pk}",
        f"{LIST}upload/?purpose={purpose}&amp;node={place.pk}",
    ):
        assert f'href="{link}" data-dialog' in page
    administrator.post(f"{REQUESTS}download/", {"request": request.pk})
    assert following() == [3]


@pytest.mark.spec("CM-19")
def test_the_guide_ends_when_the_service_was_restarted(
    administrator: HttpsClient, request_: SigningRequest, put: Put, ca: Authority
) -> None:
    put(ca.pkcs7(ca.sign(request_.pem), ca.sub))
    steps = administrator.get(f"{LIST}guide/").context["steps"]
    assert [step.number for step, _ in steps if step.is_next] == [7]
    assert "due on ccx1.example.com" in steps[6][0].seen

    RestartNotice.objects.update(closed_at=timezone.now())

    steps = administrator.get(f"{LIST}guide/").context["steps"]
    assert all(step.is_done for step, _ in steps)


def test_a_foreign_request_is_not_found(
    administrator: HttpsClient, request_: SigningRequest
) -> None:
    before = state()

    for key in ("0", "999", "9" * 40, "x", "", "\0", "1' OR 1=1"):
        answer = administrator.post(f"{REQUESTS}download/", {"request": key})
        assert answer.status_code == 404, key
    for key in ("0", "999", "9" * 18):
        assert administrator.get(f"{REQUESTS}{key}/").status_code == 404
        for verb in ("cancel", "reopen"):
            assert administrator.post(f"{REQUESTS}{key}/{verb}/").status_code == 404
    assert state() == before


@pytest.mark.spec("CM-19")
def test_the_guide_passes_what_happens_elsewhere_when_the_ca_is_trusted(
    administrator: HttpsClient, request_: SigningRequest, put: Put, ca: Authority
) -> None:
    administrator.post(f"{REQUESTS}download/", {"request": request_.pk})
    put(ca.sub, "tomcat-trust")

    steps = administrator.get(f"{LIST}guide/").context["steps"]

    assert [step.number for step, _ in steps if step.is_next] == [6]


@pytest.mark.spec("CM-19")
def test_the_guide_does_not_take_a_certificate_that_was_rolled_back_for_installed(
    administrator: HttpsClient, request_: SigningRequest, put: Put, ca: Authority, node: Node
) -> None:
    put(ca.pkcs7(ca.sign(request_.pem), ca.sub))
    shown = administrator.get(f"{LIST}roll-back/").context["found"].shown
    fields = {"node": node.pk, "purpose": "tomcat", "shown": shown}
    administrator.post(f"{LIST}roll-back/", fields)

    steps = administrator.get(f"{LIST}guide/").context["steps"]

    assert not steps[5][0].is_done


@pytest.mark.spec("MN-1")
def test_the_menu_marks_where_a_request_belongs(
    administrator: HttpsClient, request_: SigningRequest
) -> None:
    for address in (page_of(request_), REQUESTS, f"{REQUESTS}generate/"):
        page = administrator.get(address).content.decode()
        assert 'aria-current="page">Certificate Management' in page
