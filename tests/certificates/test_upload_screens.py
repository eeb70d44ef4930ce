"""Upload Certificate or Certificate Chain, as the server answers it (CM-11, CM-13)."""

import base64
import contextlib
import tempfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from pytest_django import Settings

from ccxsec_project.middleware import MOST_UPLOADS
from certificates.local_files import one_of
from certificates.models import Certificate, Event, Job, Node, Purpose, SigningRequest
from tests.certificates.authority import Authority
from tests.certificates.conftest import Ask, Put, active
from tests.conftest import HttpsClient

LIST = "/admin/certificates/certificate/"
UPLOAD = f"{LIST}upload/"
MULTIPART_LIMIT = 7 * 1024 * 1024

pytestmark = pytest.mark.spec("CM-11")


def state() -> list[Any]:
    """What an upload may change."""
    rows = Certificate.objects.order_by("pk").values_list("pk", "state")
    requests = SigningRequest.objects.order_by("pk").values_list("pk", "state")
    return [*rows, *requests, Event.objects.count(), Job.objects.count()]


def send(
    client: HttpsClient,
    data: bytes | None,
    purpose: str = "tomcat",
    *,
    address: str = UPLOAD,
    **fields: Any,
) -> Any:
    """The dialog with a file, as a browser sends it."""
    node = Node.objects.get(is_local=True)
    file = {} if data is None else {"file": SimpleUploadedFile("certificate.pem", data)}
    return client.post(address, {"purpose": purpose, "node": node.pk, "text": ""} | file | fields)


def shown_fields(response: Any) -> dict[str, Any]:
    """What the checks page would send back."""
    assert response.status_code == 200
    fields: dict[str, Any] = response.context["form"].initial
    return fields


@pytest.fixture
def chain(request_: SigningRequest, ca: Authority) -> bytes:
    """The answer to the pending request, and its issuers."""
    return ca.pkcs7(ca.sign(request_.pem), ca.sub, ca.root)


@pytest.mark.spec("CM-15")
def test_the_dialog_offers_the_four_purposes_and_keeps_what_its_address_says(
    administrator: HttpsClient, node: Node
) -> None:
    other = Node.objects.create(host_name="ccx2.example.com")

    form = administrator.get(f"{UPLOAD}?purpose=ipsec-trust&node={other.pk}").context["form"]

    offered = [value for value, _ in form.fields["purpose"].choices]
    assert offered == ["tomcat", "tomcat-trust", "ipsec", "ipsec-trust"]
    assert (form["purpose"].value(), form["node"].value()) == ("ipsec-trust", other.pk)


@pytest.mark.spec("CM-12")
@pytest.mark.parametrize("pasted", [False, True])
def test_a_file_and_pasted_text_are_checked_alike(
    pasted: bool, administrator: HttpsClient, node: Node, ca: Authority
) -> None:
    before = state()
    text = ca.root.decode().replace("\n", "\r\n")  # as a browser sends a text area
    answer = (
        send(administrator, None, "tomcat-trust", text=text)
        if pasted
        else send(administrator, ca.root, "tomcat-trust")
    )

    assert "The file can be installed for <strong>tomcat-trust</strong>" in answer.content.decode()
    assert state() == before
    done = administrator.post(UPLOAD, shown_fields(answer))
    row = Certificate.objects.trust().get()
    assert done["Location"] == f"{LIST}{row.pk}/change/"
    assert bytes(row.der) == ca.der(ca.root)


@pytest.mark.parametrize("both", [True, False])
def test_both_or_none_is_told(
    both: bool, administrator: HttpsClient, node: Node, ca: Authority
) -> None:
    text = ca.root.decode()
    answer = (
        send(administrator, ca.root, text=text) if both else send(administrator, None, "tomcat")
    )

    assert answer.status_code == 422
    assert "Choose a file, or paste the text of a certificate" in answer.content.decode()


@pytest.mark.spec("CM-13", "CM-20", "CM-22")
@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda ca: b"", "upload.empty"),
        (lambda ca: b"<html>Not found</html>", "upload.text"),
        (lambda ca: ca.root + ca.sub, "pem.several"),
        (lambda ca: ca.pkcs7(ca.root, form="pem"), "type.pkcs7-pem"),
        (lambda ca: ca.root + (ca.folder / "root.key").read_bytes(), "key.included"),
        (lambda ca: ca.root, "purpose.wrong"),
        (lambda ca: b"-" * 2_000_000, "upload.size"),
    ],
)
def test_what_is_refused_has_its_sentence_and_no_button(
    make: Callable[[Authority], bytes],
    code: str,
    administrator: HttpsClient,
    node: Node,
    ca: Authority,
) -> None:
    before = state()
    answer = send(administrator, make(ca))

    page = answer.content.decode()
    failed = answer.context["examined"].failed
    assert (answer.status_code, failed.code) == (422, code)
    assert failed.cure
    assert f'<small class="quiet code">{code}</small>' in page
    assert "Install</button>" not in page
    assert "PRIVATE KEY" not in page
    assert state() == before


@pytest.mark.spec("CM-23")
def test_install_changes_what_the_page_said_and_tells_what_to_do(
    administrator: HttpsClient, node: Node, chain: bytes
) -> None:
    checked = send(administrator, chain)
    for words in (
        "Install</button>",
        "becomes the identity",
        "added to tomcat-trust",
        "answered and closed",
    ):
        assert words in checked.content.decode()

    answer = administrator.post(UPLOAD, shown_fields(checked), follow=True)

    page = answer.content.decode()
    assert answer.redirect_chain == [(f"{LIST}{active(node).pk}/change/", 302)]
    assert active(node).type == "ca-signed"
    assert "Installed tomcat.pem on ccx1.example.com. Added to tomcat-trust: " in page
    assert "Restart tomcat on every node of the cluster, then make a backup." in page


def test_what_is_there_already_can_be_looked_at_and_not_installed(
    administrator: HttpsClient, node: Node, put: Put, ca: Authority
) -> None:
    put(ca.root, "tomcat-trust")
    before = state()

    checked = send(administrator, ca.root, "tomcat-trust")

    assert "Everything in the file is there already" in checked.content.decode()
    assert "Install</button>" not in checked.content.decode()
    assert "I have read the warning" not in checked.content.decode()
    administrator.post(UPLOAD, shown_fields(checked) | {"confirm": "on"})
    assert state() == before


FORGED: dict[str, dict[str, Any]] = {
    "no fingerprint of what was shown": {"shown": ""},
    "a wrong one": {"shown": "0" * 64},
    "a hostile one": {"shown": "\0<script>"},
    "no content": {"content": ""},
    "broken base64": {"content": "MII%%%="},
    "text of other scripts": {"content": "東京"},
    "no certificate": {"content": base64.b64encode(b"nothing").decode()},
}


def test_a_forged_installation_changes_nothing(
    administrator: HttpsClient, node: Node, chain: bytes
) -> None:
    fields = shown_fields(send(administrator, chain))
    before = state()

    for kind, changed in FORGED.items():
        answer = administrator.post(UPLOAD, fields | changed)
        assert answer.status_code == 422, kind
        assert "Nothing was changed" in answer.content.decode(), kind
    assert state() == before


def test_an_installation_that_was_never_shown_is_the_dialog_again(
    administrator: HttpsClient, node: Node, chain: bytes
) -> None:
    fields = shown_fields(send(administrator, chain))
    before = state()
    del fields["shown"]

    answer = administrator.post(UPLOAD, fields)

    assert answer.status_code == 422
    assert "Choose a file" in answer.content.decode()
    assert state() == before


@pytest.mark.parametrize("which", ["another certificate", "a private key", "another purpose"])
def test_content_that_was_exchanged_after_the_checks_changes_nothing(
    which: str, administrator: HttpsClient, node: Node, chain: bytes, ca: Authority
) -> None:
    fields = shown_fields(send(administrator, chain))
    key = (ca.folder / "root.key").read_bytes()
    other = {
        "another certificate": {"content": base64.b64encode(ca.root).decode()},
        "a private key": {"content": base64.b64encode(key).decode()},
        "another purpose": {"purpose": "tomcat-trust"},
    }[which]
    before = state()

    answer = administrator.post(UPLOAD, fields | other)

    page = answer.content.decode()
    assert answer.status_code == 422
    assert key.decode() not in page
    assert base64.b64encode(key).decode() not in page
    assert state() == before


def test_stale_checks_are_shown_anew_and_can_be_confirmed(
    administrator: HttpsClient, node: Node, chain: bytes, put: Put, ca: Authority
) -> None:
    fields = shown_fields(send(administrator, chain))
    put(ca.sub, "tomcat-trust")

    stale = administrator.post(UPLOAD, fields)
    fresh = administrator.post(UPLOAD, stale.context["form"].initial)

    assert stale.status_code == 422
    assert "changed since you saw the checks" in stale.content.decode()
    assert fresh.status_code == 302


def test_warnings_are_confirmed_or_nothing_changes(
    administrator: HttpsClient, node: Node, request_: SigningRequest, ca: Authority
) -> None:
    answer = ca.sign(request_.pem, names="DNS:other.example.com")
    checked = send(administrator, ca.pkcs7(answer, ca.sub))
    fields, before = shown_fields(checked), state()

    unconfirmed = administrator.post(UPLOAD, fields)

    assert "I have read the warning, and want it all the same" in checked.content.decode()
    assert unconfirmed.status_code == 422
    assert "tick the box at the end of the page" in unconfirmed.content.decode()
    assert state() == before
    assert administrator.post(UPLOAD, fields | {"confirm": "on"}).status_code == 302
    assert active(node).type == "ca-signed"


def test_too_large_a_body_is_refused_before_it_is_read(
    administrator: HttpsClient, as_role: Callable[..., HttpsClient], node: Node
) -> None:
    answer = send(administrator, b"0" * MULTIPART_LIMIT)
    stranger = send(as_role("anonymous"), b"0" * 70_000)
    auditor = send(as_role("Auditor"), b"0" * 70_000)

    for refused in (answer, stranger, auditor):
        assert refused.status_code == 413
        assert "The file is too large" in refused.content.decode()


def test_a_ninth_upload_at_once_is_asked_to_wait(
    administrator: HttpsClient, node: Node, settings: Settings, ca: Authority
) -> None:
    folder = settings.CCXSEC_DATA / "run" / "uploads"
    with contextlib.ExitStack() as taken:
        for _ in range(MOST_UPLOADS):
            assert taken.enter_context(one_of(folder, MOST_UPLOADS))
        busy = send(administrator, ca.root, "tomcat-trust")
        assert administrator.get(UPLOAD).status_code == 200  # who uploads nothing is let in

    assert busy.status_code == 503
    assert "Try it again in a moment." in busy.content.decode()
    assert send(administrator, ca.root, "tomcat-trust").status_code == 200


@pytest.mark.parametrize("kind", ["certificate", "large"])
def test_no_temporary_file_holds_an_upload(
    kind: str,
    administrator: HttpsClient,
    node: Node,
    ca: Authority,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = ca.root if kind == "certificate" else b"0" * 5_000_000
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    with pytest.raises(FileNotFoundError):
        tempfile.NamedTemporaryFile()  # noqa: SIM115 - whoever tries it would be found

    answer = send(administrator, data, "tomcat-trust")

    assert answer.status_code == (200 if kind == "certificate" else 422)


def test_a_hostile_file_name_goes_nowhere(
    administrator: HttpsClient, node: Node, ca: Authority, tmp_path: Path
) -> None:
    file = BytesIO(ca.root)
    file.name = "../../<img src=x>\u202e.pem"
    node_and_purpose = {"node": node.pk, "purpose": "tomcat-trust", "text": ""}

    answer = administrator.post(UPLOAD, node_and_purpose | {"file": file})

    assert answer.status_code == 200
    assert "img src" not in answer.content.decode()
    assert not [path for path in tmp_path.rglob("*.pem") if "store" not in path.parts]


FOREIGN_NODES: list[dict[str, Any]] = [{"node": n} for n in (999, 0, "9" * 40, "abc", "", "\0")]
FOREIGN_PURPOSES: list[dict[str, Any]] = [
    {"purpose": name} for name in ("directory-trust", "phone-trust", "", "\0")
]


def test_a_foreign_place_is_not_found(
    administrator: HttpsClient, node: Node, ca: Authority
) -> None:
    place: dict[str, Any] = {"node": node.pk, "purpose": Purpose.TOMCAT_TRUST.value}
    fields = shown_fields(send(administrator, ca.root, "tomcat-trust"))
    before = state()

    for changed in (*FOREIGN_NODES, *FOREIGN_PURPOSES):
        assert administrator.get(UPLOAD, place | changed).status_code == 404, changed
        assert administrator.post(UPLOAD, fields | changed).status_code == 404, changed
        # The form itself says in words which purpose it does not know (CM-15).
        expected = 404 if "node" in changed else 422
        answer = send(administrator, ca.root, **place | changed)
        assert answer.status_code == expected, changed
    assert state() == before


def test_who_loses_the_permission_meanwhile_installs_nothing(
    administrator: HttpsClient, node: Node, chain: bytes
) -> None:
    fields = shown_fields(send(administrator, chain))
    User.objects.get(username="Security-administrator").groups.clear()

    assert administrator.post(UPLOAD, fields).status_code == 403
    assert active(node).type == "self-signed"


@pytest.mark.spec("CM-14")
def test_a_trust_certificate_goes_to_the_node_that_was_chosen(
    administrator: HttpsClient, node: Node, ca: Authority, ask: Ask
) -> None:
    other = Node.objects.create(host_name="ccx2.example.com")

    fields = shown_fields(send(administrator, ca.root, "ipsec-trust", node=other.pk))
    page = administrator.post(UPLOAD, fields, follow=True).content.decode()

    row = Certificate.objects.trust().get()
    assert (row.node, row.purpose) == (other, "ipsec-trust")
    assert "ccx2.example.com is not reached from here" in page
    assert row.created_at <= timezone.now()


def test_a_large_form_without_a_file_takes_a_place_too(
    administrator: HttpsClient,
    as_role: Callable[..., HttpsClient],
    node: Node,
    settings: Settings,
) -> None:
    form = "application/x-www-form-urlencoded"
    large = urlencode({"purpose": "tomcat", "node": node.pk, "text": "0" * 100_000})
    with contextlib.ExitStack() as taken:
        for _ in range(MOST_UPLOADS):
            taken.enter_context(one_of(settings.CCXSEC_DATA / "run" / "uploads", MOST_UPLOADS))
        assert administrator.post(UPLOAD, large, content_type=form).status_code == 503
    stranger = as_role("anonymous").post("/admin/login/", large, content_type=form)
    assert stranger.status_code == 413
