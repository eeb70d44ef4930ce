"""The Certificate Monitor in a real browser: set, test, acknowledge; wide and narrow, dark too."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import sign_in
from tests.monitor.mail_server import Script, mail_server
from tests.product import Product

pytestmark = pytest.mark.spec("MO-1", "MO-3")
WIDER = "document.documentElement.scrollWidth - innerWidth"


@pytest.fixture
def script() -> Script:
    return Script(faults={("RCPT", "gone@example.com"): "550 5.1.1 no such user"})


@pytest.fixture
def server(script: Script, tmp_path: Path) -> Iterator[int]:
    """Its certificate comes from a CA that the product does not know."""
    with mail_server(tmp_path, script, security="none") as port:
        yield port


@pytest.mark.parametrize("scripts", [True, False])
def test_an_operator_sets_the_monitor_and_tests_it(
    page: Page, product: Product, server: int, script: Script, complaints: list[str]
) -> None:
    page.goto(f"{product.url}/admin/monitor/")
    expect(page.get_by_label("Notification Start Time")).to_have_value("30")
    page.get_by_label("Notification Start Time").fill("45")
    page.get_by_label("Notification Frequency").fill("12")
    page.get_by_label("Hours or days").select_option("hours")
    page.get_by_label("Enable Email Notification").check()
    page.get_by_label("Email IDs").fill("ops@example.com; gone@example.com")
    page.get_by_label("SMTP host").fill("127.0.0.1")
    page.get_by_label("Port").fill(str(server))
    page.get_by_label("Protection").select_option("none")
    page.get_by_role("button", name="Send test message").click()
    trial = page.locator("#trial")
    expect(trial).to_contain_text("The server took the test message: 250 2.0.0 queued as 000001.")
    expect(trial).to_contain_text("gone@example.com: 550 5.1.1 no such user")
    expect(page.get_by_label("Email IDs")).to_have_value("ops@example.com; gone@example.com")

    page.get_by_role("button", name="Save").click()
    expect(page.locator(".messagelist")).to_contain_text("Saved.")
    expect(page.get_by_label("Notification Start Time")).to_have_value("45")

    page.get_by_label("Enable Email Notification").uncheck()
    page.get_by_label("Notification Start Time").fill("30")
    page.get_by_label("SMTP host").fill("")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#content")).to_contain_text("There is no SMTP host: nothing will be sent")
    assert script.messages[0]["Subject"] == "[ccxsec] Test message"
    assert complaints == []


def test_a_wrong_value_is_told_at_its_field(
    page: Page, product: Product, complaints: list[str]
) -> None:
    page.goto(f"{product.url}/admin/monitor/")
    page.get_by_label("Email IDs").fill("a b@example.com")
    page.get_by_role("button", name="Save").click()

    row = page.locator("#div_id_addresses")
    expect(row.locator(".errorlist")).to_contain_text("not one e-mail address")
    assert [one for one in complaints if "422" not in one] == []


def test_an_expiry_is_acknowledged_on_its_page(page: Page, product: Product) -> None:
    page.goto(f"{product.url}/admin/certificates/certificate/")
    page.get_by_role("link", name="ipsec.pem").first.click()
    section = page.locator("#notices")
    section.locator("[name=until]").evaluate(  # waits for the page that the click leads to
        "field => field.valueAsDate = new Date(Date.now() + 864e5 * 9)"
    )
    section.get_by_label("Reason").fill("ordered at the CA")
    section.get_by_role("button", name="Acknowledge").click()
    expect(section).to_contain_text("ordered at the CA")
    section.get_by_role("button", name="Withdraw").click()
    expect(section.get_by_role("button", name="Acknowledge")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_of_the_monitor_fits_a_telephone(
    browser: Browser, product: Product, scheme: str
) -> None:
    context = browser.new_context(
        ignore_https_errors=True,
        viewport={"width": 390, "height": 800},
        color_scheme=scheme,  # type: ignore[arg-type] # light or dark
    )
    page = sign_in(context.new_page(), product)
    wide = {}
    for path in ("monitor/", "certificates/delivery/"):
        page.goto(f"{product.url}/admin/{path}")
        wide[path] = page.evaluate(WIDER)
    context.close()

    assert max(wide.values()) <= 0, wide
