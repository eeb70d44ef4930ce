"""Signing requests, the guide, roll back and delete, as the server answers them (CM-16 on)."""

import re
from collections.abc import Callable
from datetime import timedelta
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
from tests.certificates.conftest import Ask, Put, active
from tests.conftest import HttpsClient

LIST = "/admin/certificates/certificate/"
REQUESTS = "/admin/certificates/signingrequest/"
FILTERS = "_changelist_filters=field%3Dcommon_name%26op%3Dcontains%26value%3Dccx"
FILTERED = f"{LIST}?field=common_name&op=contains&value=ccx"


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
def installed(request_: SigningRequest, node: Node, put: Put, ca: Authority) -> Certificate:
    """A certificate that a CA has signed, in force."""
    put(ca.pkcs7(ca.sign(request_.pem), ca.sub))
    return active(node)


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


@pytest.mark.spec("CM-15", "CM-16")
@pytest.mark.parametrize(
    ("changed", "words"),
    [
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
        ({"country": "XYZ"}, "at most 2 characters"),
        ({"country": "1x"}, "is not a two-letter code"),
        ({"replacing": "7"}, "was changed since you looked at it"),
        ({"prepared_for": "1 ipsec node"}, "You have chosen another place"),
    ],
)
def test_generate_csr_names_what_it_refuses_and_changes_nothing(
    changed: dict[str, Any], words: str, dialog: Callable[..., Any], node: Node
) -> None:
    before = state()

    answer = dialog(**changed)

    assert answer.status_code == 422
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


def test_a_request_that_would_supersede_another_is_confirmed(
    administrator: HttpsClient, request_: SigningRequest, ask: Ask
) -> None:
    ask(replacing=[request_.pk], confirmed=[PENDING])
    address = f"{page_of(request_)}reopen/"

    refused = administrator.post(address, follow=True)

    assert "awaits its certificate" in text_of(refused)
    assert "is pending again" in text_of(administrator.post(address, {"confirm": 1}, follow=True))


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
    administrator: HttpsClient, installed: Certificate, node: Node
) -> None:
    steps = administrator.get(f"{LIST}guide/").context["steps"]
    assert [step.number for step, _ in steps if step.is_next] == [7]
    assert "due on ccx1.example.com" in steps[6][0].seen

    RestartNotice.objects.update(closed_at=timezone.now())

    steps = administrator.get(f"{LIST}guide/").context["steps"]
    assert all(step.is_done for step, _ in steps)


@pytest.mark.spec("CM-5", "CM-6")
def test_the_delete_dialog_names_what_depends_on_the_certificate(
    administrator: HttpsClient, installed: Certificate, ask: Ask, node: Node
) -> None:
    ask()
    row = Certificate.objects.trust().get()
    shown = administrator.get(f"{LIST}delete/?certificates={row.pk}")

    page = text_of(shown)
    for words in (
        "Deleting a certificate can affect your system",
        "tomcat.pem of ccx1.example.com (issued by Lab Sub): its path to the trust store needs",
        "Goes too The tomcat signing request of ccx1.example.com",
        "tomcat on every node of the cluster afterwards",
    ):
        assert words in page
    fields = {"certificates": row.pk, "shown": shown.context["impact"].shown}
    done = text_of(administrator.post(f"{LIST}delete/", fields, follow=True))
    assert "Deleted Lab_Sub.pem. The tomcat signing request of ccx1.example.com" in done
    assert not SigningRequest.objects.pending().exists()


@pytest.mark.spec("CM-5")
def test_several_are_deleted_from_the_list(
    administrator: HttpsClient, node: Node, put: Put, ca: Authority, other_ca: Authority
) -> None:
    for authority in (ca, other_ca):
        put(authority.root, "tomcat-trust")
    chosen = [str(pk) for pk in Certificate.objects.trust().values_list("pk", flat=True)]

    sent = {"action": "delete_trusted", "_selected_action": chosen}
    shown = administrator.post(LIST, sent, follow=True)

    assert "Delete 2 certificates" in text_of(shown)
    fields = {"certificates": ",".join(chosen), "shown": shown.context["impact"].shown}
    assert administrator.post(f"{LIST}delete/", fields | {"shown": "x"}).status_code == 422
    administrator.post(f"{LIST}delete/", fields)
    assert not Certificate.objects.trust().exists()


@pytest.mark.spec("CM-5")
def test_an_own_certificate_says_what_to_do_instead(
    administrator: HttpsClient, tomcat: Certificate
) -> None:
    page = administrator.get(f"{LIST}{tomcat.pk}/change/").content.decode()
    refused = administrator.get(f"{LIST}delete/?certificates={tomcat.pk}", follow=True)

    assert "An own certificate can't be deleted, as its service needs one: replace it" in page
    assert f"delete/?certificates={tomcat.pk}" not in page
    assert "it can be replaced, not deleted" in text_of(refused)


def test_roll_back_shows_both_certificates_and_returns(
    administrator: HttpsClient, tomcat: Certificate, installed: Certificate, node: Node
) -> None:
    assert "Roll back</a>" in administrator.get(f"{LIST}{installed.pk}/change/").content.decode()
    shown = administrator.get(f"{LIST}roll-back/?purpose=tomcat&node={node.pk}")

    assert re.search("Comes back .* Self-signed .* In force now .* CA-signed", text_of(shown))
    fields = {"node": node.pk, "purpose": "tomcat", "shown": shown.context["found"].shown}
    before = state()
    assert administrator.post(f"{LIST}roll-back/", fields | {"shown": "x"}).status_code == 422
    assert state() == before
    answer = administrator.post(f"{LIST}roll-back/", fields, follow=True)
    assert "Rolled back: the former tomcat certificate of ccx1.example.com" in text_of(answer)
    assert active(node) == tomcat


def test_nothing_to_roll_back_to_is_told(administrator: HttpsClient, node: Node) -> None:
    answer = administrator.get(f"{LIST}roll-back/", follow=True)

    assert answer.redirect_chain == [(LIST, 302)]
    assert "nothing was replaced yet" in text_of(answer)


def test_a_roll_back_that_cannot_be_has_no_button(
    administrator: HttpsClient, tomcat: Certificate, installed: Certificate, node: Node
) -> None:
    past = timezone.now() - timedelta(days=1)
    Certificate.objects.filter(pk=tomcat.pk).update(not_after=past)
    shown = administrator.get(f"{LIST}roll-back/?purpose=tomcat&node={node.pk}")

    assert "It has expired" in text_of(shown)
    assert "Roll back</button>" not in shown.content.decode()
    fields = {"node": node.pk, "purpose": "tomcat", "shown": shown.context["found"].shown}
    assert administrator.post(f"{LIST}roll-back/", fields).status_code == 422
    assert active(node) == installed


FOREIGN_NODES: list[dict[str, Any]] = [{"node": n} for n in (0, 999, "9" * 40, "x", "", "\0")]
FOREIGN_PURPOSES: list[dict[str, Any]] = [
    {"purpose": p} for p in ("tomcat-trust", "directory-trust", "", "\0")
]


@pytest.mark.parametrize("changed", [*FOREIGN_NODES, *FOREIGN_PURPOSES])
def test_a_foreign_place_is_not_found(
    changed: dict[str, Any], administrator: HttpsClient, installed: Certificate, node: Node
) -> None:
    shown = administrator.get(f"{LIST}roll-back/").context["found"].shown
    place = {"node": node.pk, "purpose": "tomcat", "shown": shown} | changed
    before = state()

    for address in (f"{LIST}roll-back/", f"{LIST}guide/", f"{REQUESTS}generate/"):
        assert administrator.get(address, place).status_code == 404, address
        if "guide" not in address:
            assert administrator.post(address, place).status_code == 404, address
    assert state() == before


@pytest.mark.parametrize("key", ["0", "999", "9" * 40, "x", "", "\0", "1' OR 1=1"])
def test_a_foreign_request_is_not_found(
    key: str, administrator: HttpsClient, request_: SigningRequest
) -> None:
    before = state()

    assert administrator.post(f"{REQUESTS}download/", {"request": key}).status_code == 404
    if key.isdecimal() and len(key) < 19:
        assert administrator.get(f"{REQUESTS}{key}/").status_code == 404
        for verb in ("cancel", "reopen"):
            assert administrator.post(f"{REQUESTS}{key}/{verb}/").status_code == 404
    assert state() == before


@pytest.mark.parametrize(
    "keys", ["0", "999", "9" * 40, "x", "", "\0", "1,999", ",".join("12" * 400)]
)
@pytest.mark.parametrize("method", ["get", "post"])
def test_what_is_not_there_is_not_deleted(
    method: str, keys: str, administrator: HttpsClient, node: Node, put: Put, ca: Authority
) -> None:
    put(ca.root, "tomcat-trust")
    before = state()

    answer = getattr(administrator, method)(f"{LIST}delete/", {"certificates": keys, "shown": "x"})

    assert answer.status_code in (302, 404)
    assert state() == before


@pytest.mark.spec("CM-3")
@pytest.mark.parametrize(
    "dialog_address",
    ["upload/", "delete/?certificates={trusted}", "roll-back/", "../signingrequest/generate/"],
)
def test_a_dialog_keeps_the_filter_of_the_list(
    dialog_address: str, administrator: HttpsClient, installed: Certificate
) -> None:
    address = LIST + dialog_address.format(trusted=Certificate.objects.trust().get().pk)
    address = address.replace("certificate/../", "")

    page = administrator.get(f"{address}{'&' if '?' in address else '?'}{FILTERS}").content.decode()

    action = address.partition("?")[0]
    assert f'action="{action}?{FILTERS}"' in page
    close = FILTERED.replace("&", "&amp;")
    assert re.search(f'href="{re.escape(close)}"[^>]*>Close', page)


@pytest.mark.spec("CM-3", "CM-5")
def test_a_deletion_returns_to_the_filtered_list(
    administrator: HttpsClient, installed: Certificate
) -> None:
    row = Certificate.objects.trust().get()
    address = f"{LIST}delete/?{FILTERS}"
    shown = administrator.get(f"{address}&certificates={row.pk}").context["impact"].shown

    answer = administrator.post(address, {"certificates": row.pk, "shown": shown})

    assert answer["Location"] == FILTERED
