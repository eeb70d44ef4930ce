"""The dialogs and pages of uploads in a real browser: what is taken, refused and asked."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import sign_in
from tests.browser.screens import CERTIFICATES, Screens
from tests.certificates.authority import Authority
from tests.product import Product

REQUESTS = "/admin/certificates/signingrequest/"
NAMES = "DNS:ccx1.example.com,IP:127.0.0.1"
WIDER = "document.documentElement.scrollWidth - innerWidth"

pytestmark = pytest.mark.spec("CM-11")


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"), "Example")


@pytest.fixture(scope="module")
def waiting(
    browser: Browser, product: Product, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Screens]:
    """An operator who waits for the answer to a request for ipsec."""
    context = browser.new_context(ignore_https_errors=True, accept_downloads=True)
    page = sign_in(context.new_page(), product)
    screens = Screens(page, product, tmp_path_factory.mktemp("files"))
    request(screens)
    yield screens
    context.close()


def request(screens: Screens) -> str:
    """Make a request for ipsec and download it; its PEM."""
    screens.go(f"{REQUESTS}generate/?purpose=ipsec")
    screens.generate()
    screens.go(f"{REQUESTS}download/")
    return screens.download_request("ipsec").read_text()


def in_force(screens: Screens) -> str:
    """The address of the ipsec certificate."""
    screens.go(CERTIFICATES)
    address = screens.page.get_by_role("link", name="ipsec.pem").get_attribute("href")
    assert address
    return address


def foreign(ca: Authority, _: Path) -> bytes:
    ca.run("req", "-new", "-key", "root.key", "-out", "foreign.csr", "-subj", "/CN=foreign")
    return ca.sign((ca.folder / "foreign.csr").read_text())


def expired(ca: Authority, saved: Path) -> bytes:
    asked = x509.load_pem_x509_csr(saved.read_bytes())
    key = load_pem_private_key((ca.folder / "sub.key").read_bytes(), None)
    builder = x509.CertificateBuilder(
        x509.load_pem_x509_certificate(ca.sub).subject,
        asked.subject,
        asked.public_key(),
        x509.random_serial_number(),
        datetime(2020, 1, 1, tzinfo=UTC),
        datetime(2021, 1, 1, tzinfo=UTC),
    )
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)  # type: ignore[arg-type] # RSA


def answered(ca: Authority, saved: Path) -> bytes:
    return ca.sign(saved.read_text(), names=NAMES)


REFUSED: dict[str, tuple[Callable[[Authority, Path], bytes], str, str]] = {
    "identity.key": (foreign, "neither that of the pending", "Download the pending CSR"),
    "path.no-issuer": (answered, "Example Sub", "Upload the certificate of"),
    "validity": (expired, "It has expired", "Ask the CA for a new one"),
    "purpose.wrong": (lambda ca, _: ca.sub, "certificate of a CA", "Choose ipsec-trust"),
    "key.included": (
        lambda ca, saved: answered(ca, saved) + (ca.folder / "sub.key").read_bytes(),
        "contains a private key",
        "Treat the key as exposed",
    ),
    "type.pkcs7-pem": (
        lambda ca, saved: ca.pkcs7(answered(ca, saved), ca.sub, form="pem"),
        "PKCS#7",
        "DER",
    ),
    "pem.several": (lambda ca, saved: answered(ca, saved) + ca.sub, "2 certificates", "PKCS#7"),
    "upload.text": (
        lambda *_: b"<!doctype html><h1>Sign in</h1>",
        "HTML",
        "Upload the certificate itself",
    ),
    "upload.size": (lambda *_: b"0" * 4_500_000, "4,500,000 bytes", "several files"),
}


@pytest.mark.spec("CM-13", "CM-20", "CM-22")
@pytest.mark.parametrize("code", REFUSED)
def test_a_refusal_has_its_sentence_and_cure_and_changes_nothing(
    code: str, waiting: Screens, ca: Authority
) -> None:
    make, sentence, cure = REFUSED[code]
    before = in_force(waiting)

    waiting.upload_for("ipsec", make(ca, waiting.files / "ipsec.csr"))

    failed = waiting.form.locator(".checks li.fail").first
    expect(waiting.page.get_by_role("heading", level=1)).to_have_text("This can't be installed")
    expect(failed.locator(".code")).to_have_text(code)
    expect(failed).to_contain_text(sentence)
    expect(failed.locator("strong")).to_contain_text(cure)
    expect(waiting.form.get_by_role("button")).to_have_count(0)
    assert "PRIVATE KEY" not in waiting.page.content()
    assert in_force(waiting) == before


@pytest.mark.spec("CM-12", "CM-23", "CM-24")
@pytest.mark.parametrize("form", ["der", "pkcs7", "pasted"])
def test_an_answer_in_another_form_is_installed(form: str, waiting: Screens, ca: Authority) -> None:
    before, answer = in_force(waiting), ca.sign(request(waiting), names=NAMES)
    if form == "pkcs7":
        waiting.upload_for("ipsec", ca.pkcs7(ca.root, answer, ca.sub), "chain.p7b")
        expect(waiting.form).to_contain_text("3 certificates in PKCS#7")
    else:
        waiting.upload_for("ipsec-trust", ca.der(ca.sub), "ca.cer")
        if waiting.form.get_by_role("button", name="Install").count():
            waiting.install()
        waiting.go(f"{CERTIFICATES}upload/?purpose=ipsec")
        if form == "der":
            waiting.upload(ca.der(answer), "answer.cer")
        else:
            waiting.form.get_by_label("Or pasted text").fill(answer.decode())
            waiting.form.get_by_role("button", name="Upload and check").click()
    waiting.install()

    expect(waiting.messages).to_contain_text("Installed ipsec.pem on ccx1.example.com")
    expect(waiting.page.locator("#content")).to_contain_text("Certificate Signed by Example Sub")
    assert in_force(waiting) != before


@pytest.mark.spec("CM-20")
def test_other_names_are_a_warning_that_is_confirmed(waiting: Screens, ca: Authority) -> None:
    before = in_force(waiting)
    answer = ca.sign(request(waiting), names="DNS:other.example.com")
    waiting.upload_for("ipsec", ca.pkcs7(answer, ca.sub))
    expect(waiting.form.locator(".checks li.warn")).to_contain_text(
        "missing DNS: ccx1.example.com, IP address: 127.0.0.1; extra DNS: other.example.com"
    )

    waiting.install()
    expect(waiting.page.get_by_role("alert")).to_contain_text("tick the box")
    waiting.form.get_by_label("I have read the warning").check()
    waiting.install()

    expect(waiting.messages).to_contain_text("Installed ipsec.pem")
    assert in_force(waiting) != before


@pytest.mark.spec("CM-16")
def test_another_purpose_prepares_the_dialog_anew(screens: Screens, complaints: list[str]) -> None:
    screens.go(CERTIFICATES)
    screens.page.get_by_role("link", name="Generate CSR").click()
    with screens.page.expect_response(re.compile("purpose=ipsec")):
        screens.form.get_by_label("Certificate Purpose").select_option("ipsec")
    expect(screens.form.locator("[name=prepared_for]")).to_have_value(re.compile(" ipsec "))
    screens.generate()

    expect(screens.messages).to_contain_text("Made ipsec.csr")
    assert complaints == []


@pytest.mark.parametrize(
    "name",
    ["Upload Certificate or Certificate Chain", "Generate CSR", "Download CSR"],
)
def test_a_dialog_is_opened_and_left_by_keyboard(
    name: str, page: Page, product: Product, complaints: list[str]
) -> None:
    page.goto(f"{product.url}{CERTIFICATES}")
    link, dialog = page.get_by_role("link", name=name), page.get_by_role("dialog")
    for leave, width in (("Escape", 1280), ("Close", 390)):
        page.set_viewport_size({"width": width, "height": 800})
        link.press("Enter")
        expect(dialog).to_be_visible()
        box = dialog.bounding_box()
        assert box
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        expect(dialog).to_have_accessible_name(re.compile("Certificate"))
        assert page.evaluate("document.activeElement.closest('dialog') !== null")
        if leave == "Escape":
            page.keyboard.press("Escape")
        else:
            dialog.get_by_role("link", name="Close").press("Enter")
        expect(dialog).to_have_count(0)
        expect(link).to_be_focused()
    assert complaints == []


def test_every_page_of_an_upload_fits_a_telephone(waiting: Screens, ca: Authority) -> None:
    page = waiting.page
    page.set_viewport_size({"width": 390, "height": 800})
    pem = request(waiting)
    wide = {}

    def measure(name: str) -> None:
        page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        wide[name] = page.evaluate(WIDER)

    for address in ("upload/", "guide/?purpose=ipsec"):
        waiting.go(f"{CERTIFICATES}{address}")
        measure(address)
    for address in ("generate/?purpose=ipsec", "download/", ""):
        waiting.go(f"{REQUESTS}{address}")
        measure(f"signing request {address}")
    page.get_by_role("link", name="ipsec.csr").first.click()
    expect(page.get_by_role("heading", name="ipsec.csr").first).to_be_visible()
    measure("request page")
    waiting.upload_for("ipsec", ca.pkcs7(ca.sign(pem, names="DNS:x.example.com"), ca.sub, ca.root))
    expect(waiting.badges.first).to_be_visible()
    measure("checks")

    assert max(wide.values()) <= 0, wide
