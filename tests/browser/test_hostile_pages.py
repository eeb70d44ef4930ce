"""Hostile certificates on every screen, in a real browser that reports what it is made to do."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    APIResponse,
    BrowserContext,
    ConsoleMessage,
    Dialog,
    Page,
    Request,
    expect,
)

from tests.browser.chromium import sign_in
from tests.browser.screens import Screens
from tests.certificates.test_hostile_uploads import answer, authority, chain
from tests.hostile import TEXTS, all_certificates, assert_safe
from tests.product import Product
from tests.test_hostile_columns import pages

LIST = "/admin/certificates/certificate/"
REPORT = """addEventListener("securitypolicyviolation", event =>
    console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`))"""
# Elements and attributes that only a certificate could have brought.
FOREIGN = "img, iframe, hostile, script:not([src]), style, base, [style], [autofocus], [srcdoc]"
HANDLERS = """[...document.querySelectorAll("*")].flatMap(element =>
    [...element.attributes].filter(each => each.name.startsWith("on")).map(each => each.name))"""
WIDER = "document.documentElement.scrollWidth - innerWidth"

pytestmark = pytest.mark.spec("CM-1", "CM-3")


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A product of our own: the one of the other tests stays as they know it."""
    with Product.running(tmp_path_factory.mktemp("hostile")) as running:
        yield running


@pytest.fixture(scope="module")
def numbers(product: Product) -> dict[str, int]:
    """Each kind of harm, and the number of its certificate."""
    done = product.run("shell", "--no-imports", "-c", "import tests.browser.insert_hostile")
    assert done.returncode == 0, done.stderr
    inserted: dict[str, int] = json.loads(done.stdout)
    return inserted


@pytest.fixture
def page(context: BrowserContext, product: Product, complaints: list[str]) -> Page:
    """Signed in; dialogs, breaches of the content policy and strange hosts are complaints, too."""

    def dialog(opened: Dialog) -> None:
        complaints.append(f"dialog: {opened.message}")
        opened.dismiss()

    def request(asked: Request) -> None:
        if urlsplit(asked.url).hostname != "localhost":
            complaints.append(f"request: {asked.url}")

    context.add_init_script(REPORT)
    context.on("dialog", dialog)
    context.on("request", request)
    return sign_in(context.new_page(), product)


def look(page: Page, address: str) -> list[str]:
    """Open a page; what is not as it should be."""
    response = page.goto(address)
    assert response
    wrong = [] if response.status == 200 else [f"{address}: {response.status}"]
    return [*wrong, *foreign(page)]


def foreign(page: Page) -> list[str]:
    """What the page that is open has from a certificate, other than text."""
    found = [page.locator(FOREIGN).count(), *page.evaluate(HANDLERS)]
    return [] if found == [0] else [f"{page.url}: {found}"]


def test_the_watch_sees_what_it_is_there_for(page: Page, complaints: list[str]) -> None:
    """Without this, the other tests would prove nothing."""
    harm = '<img src="http://127.0.0.1:9/x" onerror="alert(1)"><iframe srcdoc=x></iframe>'

    page.evaluate("harm => document.body.insertAdjacentHTML('beforeend', harm)", harm)
    page.evaluate("alert('watched')")
    page.wait_for_timeout(100)

    assert page.locator(FOREIGN).count() >= 2
    assert page.evaluate(HANDLERS) == ["onerror"]
    for expected in ("policy: img-src", "policy: script-src-attr", "dialog: watched"):
        assert any(complaint.startswith(expected) for complaint in complaints), complaints


def test_every_details_page_is_inert(
    page: Page, product: Product, numbers: dict[str, int], complaints: list[str]
) -> None:
    trouble: list[str] = []

    for kind, number in numbers.items():
        trouble += look(page, f"{product.url}{LIST}{number}/change/")
        if TEXTS.get(kind, "").isprintable():
            expect(page.locator("#content")).to_contain_text(TEXTS.get(kind, "Fingerprints"))

    assert trouble == []
    assert complaints == []


@pytest.mark.parametrize("width", [390, 1280])
def test_the_list_is_inert_on_every_page_in_every_order(
    width: int, page: Page, product: Product, numbers: dict[str, int], complaints: list[str]
) -> None:
    trouble: list[str] = []
    page.set_viewport_size({"width": width, "height": 800})

    for order in ("", "-3"):
        for part in range(1, (len(numbers) + 1) // 25 + 2):
            trouble += look(page, f"{product.url}{LIST}?o={order}&p={part}")
            assert page.evaluate(WIDER) <= 0
    for address in ("/admin/", "/admin/monitor/", "/admin/certificates/event/"):
        trouble += look(page, f"{product.url}{address}")

    assert trouble == []
    assert complaints == []


def test_the_longest_details_fit_a_telephone(
    page: Page, product: Product, numbers: dict[str, int]
) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    wide = {}

    longest = ("long name", "huge serial number", "many names", "many parts")
    for kind in (*longest, "entities", "cdata", "bidirectional", "broad", "broken address"):
        page.goto(f"{product.url}{LIST}{numbers[kind]}/change/")
        page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        wide[kind] = page.evaluate(WIDER)

    assert max(wide.values()) <= 0, wide


@pytest.mark.spec("CM-2")
def test_finding_by_hostile_text_shows_the_certificate_and_nothing_happens(
    page: Page, product: Product, numbers: dict[str, int], complaints: list[str]
) -> None:
    for kind in ("image", "closing", "template", "formula"):
        page.goto(f"{product.url}{LIST}")
        page.get_by_label("Value").fill(TEXTS[kind])
        page.get_by_label("Value").press("Enter")
        row = page.locator(f'#result_list a[href*="/{numbers[kind]}/"]')
        expect(row).to_be_visible()
        expect(page.get_by_label("Value").first).to_have_value(TEXTS[kind])
        row.click()
        expect(page.locator("#content")).to_contain_text(TEXTS[kind])
        page.get_by_role("link", name="Close").click()
        expect(page.get_by_label("Value").first).to_have_value(TEXTS[kind])

    assert complaints == []


@pytest.mark.spec("MN-3", "CM-4")
def test_downloads_have_safe_names_and_the_exports_can_be_read(
    page: Page,
    product: Product,
    numbers: dict[str, int],
    tmp_path: Path,
    complaints: list[str],
) -> None:
    page.goto(f"{product.url}{LIST}")
    texts = {}
    for kind in ("CSV", "JSON"):
        with page.expect_download() as started:
            page.get_by_role("link", name=kind, exact=True).click()
        assert started.value.suggested_filename == f"certificates.{kind.lower()}"
        started.value.save_as(tmp_path / kind)
        texts[kind] = (tmp_path / kind).read_bytes().decode()
    for number in (numbers[kind] for kind in ("header", "bidirectional", "path", "windows", "nul")):
        page.goto(f"{product.url}{LIST}{number}/change/")
        with page.expect_download() as started:
            page.get_by_role("link", name="Download .PEM File").click()
        assert_safe(started.value.suggested_filename)

    assert len(json.loads(texts["JSON"])) == len(numbers) + 2
    assert len(list(csv.reader(io.StringIO(texts["CSV"], newline="")))) == len(numbers) + 3
    assert complaints == []


# Those that markup, a script, a terminal or a reader would take for more than text.
UPLOADED = (
    *("image", "attribute", "closing", "cdata", "template", "entities", "bidirectional"),
    *("terminal", "fetching", "long name", "many parts"),
)


@pytest.mark.spec("CM-11", "CM-13")
def test_the_checks_of_a_hostile_file_are_inert_and_fit_a_telephone(
    page: Page, product: Product, tmp_path: Path, complaints: list[str]
) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    screens, trouble, wide = Screens(page, product, tmp_path), [], {}
    ders = all_certificates()

    for kind in UPLOADED:
        screens.go(f"{LIST}upload/?purpose=tomcat-trust")
        screens.upload(ders[kind])
        trouble += foreign(page)
        wide[kind] = page.evaluate(WIDER)

    assert trouble == []
    assert max(wide.values()) <= 0, wide
    # A refusal is answered with 422, which the browser calls an error.
    assert [text for text in complaints if "422" not in text] == []


@pytest.mark.spec("CM-5", "CM-19", "CM-23")
@pytest.mark.parametrize("kind", ["image", "closing", "entities"])
def test_what_a_hostile_ca_has_signed_is_inert_in_every_dialog_and_message(
    kind: str, page: Page, product: Product, tmp_path: Path, complaints: list[str]
) -> None:
    screens, text, trouble = Screens(page, product, tmp_path), TEXTS[kind], []
    screens.go("/admin/certificates/signingrequest/generate/")
    page.locator("details summary", has_text="Organization").click()
    screens.generate(organization=text[:64])
    expect(page.locator("#content")).to_contain_text("alert(1)")
    made = page.url
    pem = page.locator("#pem").inner_text()

    screens.go(f"{LIST}upload/")
    screens.upload(chain(answer(pem, text), authority(text)))
    trouble += foreign(page)
    screens.form.get_by_label("I have read").check()
    screens.install()
    expect(screens.messages).to_contain_text("Installed tomcat.pem")
    trouble += foreign(page)
    for dialog in ("Roll back", "Upload Certificate or Certificate Chain", "Generate CSR"):
        page.get_by_role("link", name=dialog).click()
        expect(page.get_by_role("dialog")).to_be_visible()
        trouble += foreign(page)
        page.keyboard.press("Escape")
    page.locator(".chain a").click()
    page.get_by_role("link", name="Delete").click()
    expect(page.get_by_role("dialog")).to_contain_text(f"issued by {text} CA")
    trouble += foreign(page)
    screens.form.get_by_role("button", name="Delete").click()
    expect(screens.messages).to_contain_text("Deleted")
    trouble += foreign(page)
    for address in (made, f"{product.url}{LIST}guide/", f"{product.url}{LIST}"):
        trouble += look(page, address)

    assert trouble == []
    assert complaints == []


@pytest.fixture(scope="module")
def keys(product: Product) -> dict[str, int]:
    """Harm in every column of text, from here on; the keys of rows for each address."""
    done = product.run("shell", "--no-imports", "-c", "import tests.browser.insert_hostile_rows")
    assert done.returncode == 0, done.stderr
    inserted: dict[str, int] = json.loads(done.stdout)
    return inserted


@pytest.mark.spec("MN-2")
def test_every_screen_is_inert_with_harm_in_every_column(
    page: Page, product: Product, keys: dict[str, int], complaints: list[str]
) -> None:
    """Every address that a page has, and each dialog that it opens."""
    trouble: list[str] = []
    opened = 0
    where: list[str] = []
    icons: list[str] = []  # a part of a page that is opened by itself names no icon

    def note(told: ConsoleMessage) -> None:
        is_icon = told.location["url"].endswith("/favicon.ico")
        (icons if is_icon else where).append(told.text if is_icon else f"{page.url}: {told.text}")

    page.on("console", note)
    for path in pages(keys):
        answer = page.request.get(f"{product.url}{path}", max_redirects=0)
        trouble += wrong_headers(path, answer)
        kind = answer.headers.get("content-type", "")
        if answer.status != 200 or "html" not in kind or "content-disposition" in answer.headers:
            continue
        page.goto(f"{product.url}{path}", wait_until="load")
        opened += 1
        strange = [page.locator(STRANGE).count(), *page.evaluate(HANDLERS)]
        trouble += [] if strange == [0] else [f"{path}: {strange}"]

    assert trouble == []
    assert opened > 50
    for text in icons:
        complaints.remove(text)
    assert complaints == [], where


# The admin's own lists and forms have icons, data, and sizes that their script sets.
STRANGE = """img:not([src^="/static/"]), iframe, hostile, #hostile, style, base, [srcdoc],
    script:not([src]):not([type="application/json"]):not([id^="django-admin-"])"""
HEADERS = {
    "content-security-policy": "script-src 'self'",
    "permissions-policy": "camera=()",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "x-content-type-options": "nosniff",
}


def wrong_headers(path: str, answer: APIResponse) -> list[str]:
    """What the served answer lacks; unlike the tests of headers, with all that stands in front."""
    return [
        f"{path}: {name}"
        for name, part in HEADERS.items()
        if part not in answer.headers.get(name, "")
    ]


def test_files_and_errors_carry_the_headers_as_well(page: Page, product: Product) -> None:
    page.goto(f"{product.url}/admin/")
    files = page.eval_on_selector_all(
        "script[src], link[rel=stylesheet]", "all => all.map(each => each.src || each.href)"
    )
    trouble: list[str] = []

    for address in [*files, *(f"{product.url}{path}" for path in ("/static/x.js", "/nothing/"))]:
        trouble += wrong_headers(address, page.request.get(address))

    assert len(files) > 3
    assert trouble == []
