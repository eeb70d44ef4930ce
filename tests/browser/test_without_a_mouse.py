"""Every screen for whom a mouse is no help: by keyboard, by screen reader, in any light.

The last of the browser's tests: it puts something of each kind into the product that they share.
"""

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.accessible import contrasts, inject, violations
from tests.browser.chromium import sign_in
from tests.browser.tabbing import hindrances, tab_to
from tests.hostile import TEXTS
from tests.product import Product
from tests.thorough import rounds

pytestmark = pytest.mark.spec("MN-1")
STEP = rounds(8, 1)  # of the screens that are looked at closely
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
LIST = "/admin/certificates/certificate/"
WIDER = "document.documentElement.scrollWidth - innerWidth"
HAS_FOCUS = "document.activeElement.textContent.trim()"


@pytest.fixture(scope="module")
def addresses(product: Product) -> list[str]:
    """Every screen, each with something on it."""
    done = product.run("shell", "--no-imports", "-c", "import tests.browser.insert_everything")
    assert done.returncode == 0, done.stderr
    found: list[str] = json.loads(done.stdout)
    return found


@pytest.fixture
def still(browser: Browser, product: Product) -> Iterator[Page]:
    """Signed in, for somebody who asks for no movement: colours are measured at rest."""
    context = browser.new_context(ignore_https_errors=True, reduced_motion="reduce")
    context.set_default_timeout(60_000)
    yield sign_in(context.new_page(), product)
    context.close()


def test_no_screen_hinders_a_screen_reader_and_all_is_reached_by_tab(
    still: Page, product: Product, addresses: list[str]
) -> None:
    """Each screen wide and light, by all rules of axe-core.

    Every eighth is also looked at closely: by Tab, and narrow and dark; with THOROUGH=yes in
    the environment all of them, in two minutes.
    """
    wrong: dict[str, list[str]] = {}

    still.set_viewport_size(WIDE)
    for number, address in enumerate(addresses):
        response = still.goto(product.url + address)
        found = [] if response and response.status == 200 else [f"{response and response.status}"]
        inject(still)
        found += violations(still)
        if number % STEP == 0:
            found += closely(still)
        if found:
            wrong[address] = found

    assert wrong == {}
    assert len(addresses) > 50


def closely(page: Page) -> list[str]:
    """What a keyboard does not reach; and what differs narrow and dark: colours, width."""
    found = hindrances(page)
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size(NARROW)
    found += contrasts(page)
    if page.evaluate(WIDER) > 0:
        found.append("wider than 390 pixels")
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(WIDE)
    return found


def test_the_page_of_the_login_hinders_nobody(browser: Browser, product: Product) -> None:
    context = browser.new_context(ignore_https_errors=True, reduced_motion="reduce")
    page = context.new_page()
    page.goto(f"{product.url}/admin/login/")

    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        inject(page)
        assert violations(page) == []
    context.close()


@pytest.mark.spec("CM-2", "CM-5", "CM-8")
def test_a_certificate_is_generated_found_and_deleted_by_keyboard_alone(
    page: Page, product: Product, addresses: list[str], complaints: list[str]
) -> None:
    keys = page.keyboard
    page.goto(f"{product.url}/admin/")
    keys.press("/")
    keys.type("certificate management")
    keys.press("Enter")
    page.wait_for_url("**/find/**")
    tab_to(page, "Skip to main content")
    keys.press("Enter")
    tab_to(page, "Certificate Management")
    keys.press("Enter")
    page.wait_for_url(f"**{LIST}")

    tab_to(page, "Generate Self-signed")
    keys.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    keys.press("Escape")
    expect(dialog).to_have_count(0)
    assert page.evaluate(HAS_FOCUS) == "Generate Self-signed"
    keys.press("Enter")
    expect(dialog).to_be_visible()
    tab_to(page, "Key type and length")
    keys.type("EC P-256")
    tab_to(page, "Generate")
    keys.press("Enter")
    expect(page.locator(".messagelist")).to_contain_text("Generated tomcat.pem")

    page.wait_for_load_state()  # until then no script knows the key
    page.locator("body").press("/")
    keys.type(TEXTS["template"])
    keys.press("Enter")
    page.wait_for_url("**/find/**")
    tab_to(page, TEXTS["template"])
    keys.press("Enter")
    page.wait_for_url("**/change/**")
    tab_to(page, "Delete")
    keys.press("Enter")
    expect(dialog).to_be_visible()
    tab_to(page, "Delete 1 certificate")
    keys.press("Enter")
    expect(page.locator(".messagelist")).to_contain_text("Deleted")
    assert complaints == []
