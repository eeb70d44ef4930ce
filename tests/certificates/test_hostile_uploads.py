"""What a stranger wrote into a file is text on every screen and line of an upload."""

import io
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command

from certificates.models import Certificate, Node, SigningRequest
from tests import hostile
from tests.certificates.conftest import Ask
from tests.conftest import HttpsClient
from tests.hostile import TEXTS, Markup, hidden

LIST = "/admin/certificates/certificate/"
REQUESTS = "/admin/certificates/signingrequest/"
UPLOAD = f"{LIST}upload/"
DERS = hostile.all_certificates()
KEY = rsa.generate_private_key(65537, 2048)
# Texts without a character that nobody may put into a name: such a CA could be real.
NAMES = {kind: text for kind, text in TEXTS.items() if text.isprintable()}
# Those that say most; where each text costs a key or many pages.
FEW = ("script", "image", "closing", "template", "entities", "formula", "query")
HIDDEN = ("header", "bidirectional", "nul", "terminal", "invisible")

pytestmark = [
    pytest.mark.spec("CM-11", "CM-13"),
    # What RFC 5280 forbids and hostile certificates have: the library warns of it.
    pytest.mark.filterwarnings("ignore:Attribute's length must be"),
    pytest.mark.filterwarnings("ignore:Parsed a serial number which wasn't positive"),
    pytest.mark.filterwarnings("ignore:PKCS#7 certificates could not be parsed as DER"),
]


def inert(response: Any, *, echo: bool = False) -> str:
    """The page, good or refused, which is nothing but ours and text; `echo`: of what was typed."""
    page: str = response.content.decode()
    assert response.status_code in (200, 422)
    assert Markup(page).foreign == []
    assert "<script>alert" not in page
    assert echo or hidden(page) == []
    assert "hostile" not in response.cookies
    return page


def send(client: HttpsClient, data: bytes, purpose: str) -> Any:
    node = Node.objects.get(is_local=True)
    file = SimpleUploadedFile("certificate", data)
    return client.post(UPLOAD, {"purpose": purpose, "node": node.pk, "file": file})


def install(client: HttpsClient, checked: Any) -> Any:
    """Confirm whatever there is, and follow to the page with the message."""
    fields = checked.context["form"].initial | {"confirm": "on"}
    return client.post(UPLOAD, fields, follow=True)


def signed(builder: x509.CertificateBuilder, text: str) -> x509.Certificate:
    """By the hostile CA, with `text` wherever a good certificate may hold any."""
    now = datetime.now(UTC)
    notice = x509.UserNotice(x509.NoticeReference(text, [1]), text)
    policy = x509.PolicyInformation(x509.ObjectIdentifier("1.2.3"), [notice])
    builder = (
        builder.issuer_name(hostile_name(text))
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=9))
        .add_extension(x509.CertificatePolicies([policy]), critical=False)
    )
    if text.isascii():
        place = x509.UniformResourceIdentifier._init_without_validation(f"http://x/{text}")
        for extension in hostile.addresses(place):
            builder = builder.add_extension(extension, critical=False)
    return builder.sign(KEY, hashes.SHA256())


def hostile_name(text: str) -> x509.Name:
    return hostile.name((hostile.ORGANIZATION, text), (hostile.COMMON, f"{text} CA"))


def authority(text: str) -> x509.Certificate:
    subject = x509.CertificateBuilder().subject_name(hostile_name(text))
    basic = x509.BasicConstraints(ca=True, path_length=None)
    return signed(subject.public_key(KEY.public_key()).add_extension(basic, critical=True), text)


def answer(pem: str, text: str) -> x509.Certificate:
    """To a request; it names another server than was asked for."""
    asked = x509.load_pem_x509_csr(pem.encode())
    subject = hostile.name((hostile.ORGANIZATION, text), (hostile.COMMON, text))
    builder = x509.CertificateBuilder().subject_name(subject).public_key(asked.public_key())
    san = x509.SubjectAlternativeName([x509.DNSName("other.example.com")])
    return signed(builder.add_extension(san, critical=False), text)


def chain(*certificates: x509.Certificate) -> bytes:
    return pkcs7.serialize_certificates(list(certificates), Encoding.DER)


@pytest.mark.parametrize("purpose", ["tomcat", "tomcat-trust"])
def test_the_checks_of_any_certificate_are_text(
    purpose: str, administrator: HttpsClient, node: Node, ask: Ask
) -> None:
    ask()
    refused = 0
    for kind, der in DERS.items():
        checked = send(administrator, der, purpose)
        page = inert(checked)
        refused += checked.status_code == 422
        assert len(page) < 200_000, kind
    assert refused == len(DERS)  # each is a server's, and none is ours
    assert not Certificate.objects.trust().exists()


def test_a_ca_with_a_hostile_name_is_text_from_the_checks_to_its_deletion(
    administrator: HttpsClient, node: Node
) -> None:
    installed = []
    for text in TEXTS.values():
        checked = send(administrator, authority(text).public_bytes(Encoding.DER), "tomcat-trust")
        inert(checked)
        if checked.status_code == 200:
            inert(install(administrator, checked))
            row = Certificate.objects.trust().get()
            installed.append(text)
            shown = administrator.get(f"{LIST}delete/?certificates={row.pk}")
            inert(shown)
            fields = {"certificates": row.pk, "shown": shown.context["impact"].shown}
            inert(administrator.post(f"{LIST}delete/", fields, follow=True))
    assert set(installed) == set(NAMES.values())
    for page in ("", "?p=2", "verify/"):
        inert(administrator.get(f"/admin/certificates/event/{page}"))


def test_an_identity_of_a_hostile_ca_is_text_wherever_it_is_spoken_of(
    administrator: HttpsClient, node: Node, request_: SigningRequest
) -> None:
    for text in (TEXTS[kind] for kind in FEW):
        leaf, issuer = answer(request_.pem, text), authority(text)
        alone = inert(send(administrator, leaf.public_bytes(Encoding.DER), "tomcat"))
        assert "path.no-issuer" in alone
        inert(install(administrator, send(administrator, chain(leaf, issuer), "tomcat")))
        trusted = Certificate.objects.trust().get(common_name=f"{text} CA")
        for page in (
            f"{LIST}guide/",
            f"{LIST}roll-back/",
            f"{LIST}delete/?certificates={trusted.pk}",
            f"{LIST}{trusted.pk}/change/",
            f"{REQUESTS}{request_.pk}/",
            f"{REQUESTS}generate/",
            "/admin/certificates/restartnotice/",
        ):
            inert(administrator.get(page))
    shown = administrator.get(f"{LIST}roll-back/").context["found"].shown
    fields = {"node": node.pk, "purpose": "tomcat", "shown": shown, "confirm": "on"}
    inert(administrator.post(f"{LIST}roll-back/", fields, follow=True))
    every = ",".join(str(row.pk) for row in Certificate.objects.trust())
    inert(administrator.get(f"{LIST}delete/?certificates={every}"))


SHORT = ("common_name", "names", "country", "key", "signed_with", "prepared_for")
NAMING = ("organization", "organizational_unit", "locality", "state")


@pytest.mark.spec("CM-16")
def test_what_is_typed_into_a_request_is_text_or_refused(
    administrator: HttpsClient, node: Node
) -> None:
    form = administrator.get(f"{REQUESTS}generate/").context["form"]
    asked = form.initial | {"key": "rsa-2048", "signed_with": "SHA256"}
    for kind in (*FEW, *HIDDEN):
        text = TEXTS[kind]
        for fields in (NAMING, *((field,) for field in SHORT)):
            typed = {name: text[: _longest(form, name)] for name in fields}
            made = administrator.post(f"{REQUESTS}generate/", asked | typed, follow=True)
            page = inert(made, echo=made.status_code == 422)
            if made.status_code == 200:
                assert "Made tomcat.csr" in page
                _look_at_the_request(administrator)
    assert not SigningRequest.objects.exists()


def _longest(form: Any, name: str) -> int | None:
    return getattr(form.fields[name], "max_length", None)


def _look_at_the_request(client: HttpsClient) -> None:
    """Wherever it is shown; it is gone afterwards."""
    request = SigningRequest.objects.get()
    for address in (LIST, REQUESTS, f"{LIST}guide/", f"{REQUESTS}download/"):
        inert(client.get(address))
    for words in (("list",), ("list", "--all"), ("show", "tomcat")):
        assert hidden(told("csr", *words)) == []
    assert json.loads(told("csr", "show", "tomcat", "--json"))["number"] == request.pk
    request.delete()


def told(*words: str) -> str:
    """What a command prints on both of its streams, until it ends or refuses."""
    stream, errors = io.StringIO(), io.StringIO()
    try:
        call_command(*words, stdout=stream, stderr=errors, no_color=True)
    except CommandError as refused:
        errors.write(str(refused).replace("\n", "\0"))  # a second line is found as hidden
    return stream.getvalue() + errors.getvalue()


def test_cert_import_prints_no_control_characters(node: Node, tmp_path: Path, ask: Ask) -> None:
    ask()
    file = tmp_path / "certificate"
    for kind, der in DERS.items():
        file.write_bytes(der)
        for purpose in ("tomcat", "tomcat-trust"):
            assert hidden(told("cert", "import", purpose, str(file), "--dry-run")) == [], kind
            answer = told("cert", "import", purpose, str(file), "--json")
            assert hidden(answer) == []
            assert json.JSONDecoder().raw_decode(answer)[0]["accepted"] is False


def test_cert_import_of_a_folder_prints_one_line_a_file(node: Node, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for text in TEXTS.values():
        name = re.sub(r"[/\0]", "_", text)[:60] + ".cer"
        (folder / name).write_bytes(authority(text).public_bytes(Encoding.DER))
    files = len(list(folder.iterdir()))

    printed = told("cert", "import", "tomcat-trust", str(folder))

    lines = [line for line in printed.splitlines() if re.match("accepted |refused ", line)]
    assert hidden(printed) == []
    assert len(lines) == files
    again = told("cert", "import", "tomcat-trust", str(folder), "--json", "--dry-run")
    assert hidden(again) == []
    # The last line tells on standard error how many were refused.
    assert len([json.loads(line) for line in again.splitlines()[:-1]]) == files


def test_cert_delete_and_rollback_print_no_control_characters(
    administrator: HttpsClient,
    node: Node,
    request_: SigningRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for text in (TEXTS[kind] for kind in FEW):
        leaf, issuer = answer(request_.pem, text), authority(text)
        install(administrator, send(administrator, chain(leaf, issuer), "tomcat"))
        row = Certificate.objects.trust().get(common_name=f"{text} CA")
        for words in (("rollback", "tomcat"), ("rollback", "tomcat", "--json")):
            assert hidden(told("cert", *words)) == []
        monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))
        printed = told("cert", "delete", f"tomcat-trust/{row.fingerprint}")
        assert "Proceed (yes/no)?" in printed
        assert hidden(printed) == []
        assert not Certificate.objects.filter(pk=row.pk).exists()


def test_what_a_command_refuses_is_named_in_one_harmless_line(node: Node) -> None:
    for text in TEXTS.values():
        for words in (
            ("cert", "import", text, "/dev/null"),
            ("cert", "import", "tomcat", f"/missing/{text.replace(chr(0), '')}"),
            ("cert", "delete", f"tomcat-trust/{text}", "--yes"),
            ("cert", "rollback", text),
            ("csr", "show", text),
            ("csr", "gen", "tomcat", "--common-name", text),
            ("csr", "gen", "tomcat", f"--san={text}"),
            ("csr", "gen", "tomcat", f"--hash={text}"),
            ("csr", "list", f"--node={text}"),
        ):
            assert hidden(told(*words)) == [], words
