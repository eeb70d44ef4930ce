"""What an operator does with the list, in a real browser over HTTPS."""

import re
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.chromium import sign_in
from tests.product import Product


def read(path: Path, form: str) -> str:
    command = ["openssl", "x509", "-inform", form, "-in", str(path), "-noout", "-fingerprint"]
    done = subprocess.run([*command, "-sha256"], capture_output=True, text=True, check=True)
    return re.sub(r".*=|:|\s", "", done.stdout).lower()


@pytest.mark.spec("MN-1")
def test_the_sidebar_has_the_four_entries_of_the_manual(
    page: Page, product: Product, complaints: list[str]
) -> None:
    group = page.locator("#nav-sidebar h2", has_text="Security").locator("xpath=following::ul[1]")
    names = group.locator("a").all_inner_texts()

    assert names == [
        "Certificate Management",
        "Certificate Monitor",
        "IPSEC Configuration",
        "Bulk Certificate Management",
    ]
    for name in names:
        page.locator("#nav-sidebar").get_by_role("link", name=name, exact=True).click()
        expect(page.locator("#nav-sidebar [aria-current=page]")).to_have_text(name)
        expect(page.locator("main, #content-start").first).to_be_visible()
    assert complaints == []


@pytest.mark.spec("MN-2")
def test_an_anonymous_visitor_gets_the_login_page(context: object, product: Product) -> None:
    page = context.new_page()  # type: ignore[attr-defined]
    page.goto(f"{product.url}/admin/certificates/certificate/")

    expect(page.locator("#id_password")).to_be_visible()
    assert "/admin/login/" in page.url


@pytest.mark.spec("CM-1", "CM-3", "CM-4", "MN-3", "CM-24")
def test_finds_the_tomcat_certificate_reads_and_downloads_it(
    page: Page, product: Product, tmp_path: Path, complaints: list[str]
) -> None:
    page.get_by_role("link", name="Certificate Management", exact=True).click()
    page.get_by_label("Find certificates where").select_option("Certificate")
    page.get_by_label("Operator").select_option("is exactly")
    page.get_by_label("Value").fill("tomcat")
    page.get_by_role("button", name="Find", exact=True).click()
    expect(page.locator("#result_list tbody tr")).to_have_count(1)
    listed = page.url
    page.get_by_role("link", name="tomcat.pem").click()

    details = page.locator("#content")
    for words in ("TLS Web Server Authentication", "IPSec End System", "DNS: ccx1.example.com"):
        expect(details).to_contain_text(words)
    for kind, form in (("PEM", "PEM"), ("DER", "DER")):
        with page.expect_download() as started:
            page.get_by_role("link", name=f"Download .{kind} File").click()
        assert started.value.suggested_filename == f"tomcat.{kind.lower()}"
        started.value.save_as(tmp_path / kind)
        assert read(tmp_path / kind, form) == product.served_fingerprint()
    page.get_by_role("link", name="Close").click()

    assert page.url == listed
    assert complaints == []


@pytest.mark.spec("CM-2")
def test_find_rows_are_added_removed_and_cleared(page: Page, complaints: list[str]) -> None:
    page.get_by_role("link", name="Certificate Management", exact=True).click()
    page.get_by_label("Value").fill("ccx1")
    page.get_by_role("button", name="+ Add a row").click()
    page.get_by_label("Find certificates where").nth(1).select_option("Certificate")
    page.get_by_label("Operator").nth(1).select_option("begins with")
    page.get_by_label("Value").nth(1).fill("ips")
    page.get_by_label("Value").nth(1).press("Enter")
    expect(page.locator("#result_list tbody tr")).to_have_count(1)
    expect(page.locator("#result_list")).to_contain_text("ipsec.pem")

    page.get_by_role("button", name="Remove this row").nth(1).click()
    page.get_by_role("button", name="Find", exact=True).click()
    expect(page.locator("#result_list tbody tr")).to_have_count(2)
    page.get_by_role("link", name="Clear").first.click()

    expect(page.get_by_label("Value")).to_have_count(1)
    assert complaints == []


@pytest.mark.spec("CM-8", "CM-7", "CM-10", "MN-4")
def test_regenerates_restarts_and_meets_the_new_certificate(
    page: Page, product: Product, complaints: list[str]
) -> None:
    before = product.served_fingerprint()
    page.get_by_role("link", name="Certificate Management", exact=True).click()
    page.get_by_role("link", name="Generate Self-signed").click()
    dialog = page.locator("dialog")
    expect(dialog).to_contain_text("Caution")
    expect(dialog.get_by_label("Key type and length")).to_have_value("rsa-3072")
    dialog.get_by_label("Key type and length").select_option("ec-p256")
    dialog.get_by_role("button", name="Generate").click()

    expect(page.locator(".messagelist")).to_contain_text(
        "Generated tomcat.pem for ccx1.example.com: EC P-256"
    )
    for path in ("/admin/", "/admin/certificates/node/", "/admin/ipsec/"):
        page.goto(product.url + path)
        expect(page.locator(".notices")).to_contain_text("Restart required: tomcat on ccx1")
        expect(page.locator(".notices")).to_contain_text("Backup required")
    assert product.served_fingerprint() == before
    page.get_by_role("link", name="Restart or acknowledge").click()
    page.get_by_role("button", name="Restart now").click()
    expect(page.locator("#job")).to_contain_text("A TLS handshake shows", timeout=60_000)

    assert product.served_fingerprint() != before
    page.goto(f"{product.url}/admin/")
    expect(page.locator(".notices")).not_to_contain_text("Restart required")
    # While the workers are exchanged a look at the job may fail once; nothing else may.
    assert [c for c in complaints if "ERR_" not in c] == []


@pytest.mark.spec("CM-8")
def test_the_dialog_works_without_scripts(browser: object, product: Product) -> None:
    context = browser.new_context(  # type: ignore[attr-defined]
        ignore_https_errors=True, java_script_enabled=False
    )
    page = sign_in(context.new_page(), product)
    page.goto(f"{product.url}/admin/certificates/certificate/generate/")
    page.get_by_label("Certificate Purpose").select_option("ipsec")
    page.get_by_label("Key type and length").select_option("ec-p256")
    page.get_by_role("button", name="Generate").click()
    expect(page.locator(".errorlist")).to_contain_text("another node or purpose")
    page.get_by_label("Key type and length").select_option("rsa-1024")
    page.get_by_role("button", name="Generate").click()
    expect(page.locator(".errorlist")).to_contain_text("can be broken")
    page.get_by_label("I want a legacy key").check()
    page.get_by_role("button", name="Generate").click()

    expect(page.locator(".messagelist")).to_contain_text("Generated ipsec.pem")
    context.close()


# What can be pressed or filled in, and ends beyond the panel that it stands in.
CUT_OFF = """[...document.querySelectorAll(
    ".module :is(button, select, textarea, input:not([type=hidden]))")]
    .filter(part => part.offsetWidth && part.getBoundingClientRect().right
        > part.closest(".module").getBoundingClientRect().right)
    .map(part => part.outerHTML)"""


@pytest.mark.parametrize("width", [390, 1280])
def test_every_page_fits_and_works_by_keyboard(
    page: Page, product: Product, width: int, complaints: list[str]
) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    for path in (
        "/admin/",
        "/admin/certificates/certificate/",
        "/admin/certificates/certificate/1/change/",
        "/admin/certificates/certificate/generate/",
        "/admin/certificates/restartnotice/",
        "/admin/certificates/node/",
        "/admin/certificates/node/add/",
        "/admin/certificates/job/",
        "/admin/certificates/event/",
        "/admin/monitor/",
        "/admin/auth/user/",
    ):
        page.goto(product.url + path)
        wider = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wider <= 0, f"{path} scrolls sideways at {width} px"
        assert page.evaluate(CUT_OFF) == [], f"{path} at {width} px"
    page.goto(f"{product.url}/admin/certificates/certificate/")
    page.locator("body").press("/")
    page.keyboard.type("ccx")
    page.keyboard.press("Enter")
    page.wait_for_url("**value=ccx**")
    assert complaints == []
