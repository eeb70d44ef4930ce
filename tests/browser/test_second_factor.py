"""Second factors in a real browser: an app's code, and a security key that Chromium plays."""

import base64
import time
from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from playwright.sync_api import BrowserContext, CDPSession, Page, expect

from tests.product import PASSWORD, Product

pytestmark = pytest.mark.spec("MN-2")
MAKE = """from django.contrib.auth.models import User
for name in ("wanda", "wilma", "willy"):
    User.objects.create_superuser(name, password={!r})"""


@pytest.fixture(scope="module", autouse=True)
def _people(product: Product) -> None:
    """Users of these tests' own: all others sign in as they are used to."""
    made = product.run("shell", "-c", MAKE.format(PASSWORD))
    assert made.returncode == 0, made.stderr


def enter(page: Page, product: Product, name: str) -> None:
    page.goto(f"{product.url}/admin/")
    page.fill("#id_username", name)
    page.fill("#id_password", PASSWORD)
    page.click("[type=submit]")


@pytest.fixture
def authenticator(context: BrowserContext) -> Iterator[tuple[Page, CDPSession]]:
    """A page with a security key of its own, which is touched at once."""
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "usb",
        "hasResidentKey": False,
        "hasUserVerification": False,
        "automaticPresenceSimulation": True,
    }
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    yield page, session
    session.detach()


def test_a_security_key_is_added_asked_renamed_and_removed(
    product: Product, authenticator: tuple[Page, CDPSession], complaints: list[str]
) -> None:
    page, _ = authenticator
    enter(page, product, "wanda")
    page.goto(f"{product.url}/admin/second-factor/")
    page.fill("#id_name", "blue")
    page.click("text=Add a security key")
    page.wait_for_selector("#recovery-codes")
    expect(page.locator("#recovery-codes li")).to_have_count(10)
    page.click("text=I have kept them")
    assert "blue" in page.inner_text("#keys")

    page.click("text=Log out")
    enter(page, product, "wanda")
    assert page.url.startswith(f"{product.url}/admin/login/second/")
    page.click("text=Use a security key")
    page.wait_for_url(f"{product.url}/admin/")

    page.goto(f"{product.url}/admin/second-factor/")
    page.fill("#keys td [name=name]", "green")
    page.click("#keys >> text=Rename")
    assert "is green now" in page.inner_text(".messagelist")
    page.click("#keys td >> text=Remove")
    assert "Your password alone lets you in" in page.inner_text("#content-main")
    assert complaints == []


def test_another_key_does_not_let_in(
    product: Product, authenticator: tuple[Page, CDPSession], complaints: list[str]
) -> None:
    page, session = authenticator
    enter(page, product, "wilma")
    page.goto(f"{product.url}/admin/second-factor/")
    page.fill("#id_name", "blue")
    page.click("text=Add a security key")
    page.wait_for_selector("#recovery-codes")
    recovery = page.inner_text("#recovery-codes li >> nth=0")
    page.click("text=Log out")
    session.send("WebAuthn.disable")
    session.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "usb", "automaticPresenceSimulation": True}
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})

    enter(page, product, "wilma")
    page.click("text=Use a security key")
    page.wait_for_selector("[data-trouble]:visible")
    page.fill("#id_code", recovery)
    page.click("text=Continue")
    page.wait_for_url(f"{product.url}/admin/")
    assert complaints == []


@pytest.mark.parametrize("scripts", [False], ids=["without scripts"])
def test_an_app_is_set_up_and_asked_without_scripts(
    product: Product, context: BrowserContext, complaints: list[str]
) -> None:
    page = context.new_page()
    enter(page, product, "willy")
    page.goto(f"{product.url}/admin/second-factor/")
    page.click("text=Set up an app")
    key = base64.b32decode(page.inner_text("#key").replace(" ", ""))
    totp = TOTP(key, 6, SHA1(), 30)
    page.fill("#id_code", totp.generate(time.time()).decode())
    page.click("text=Put in force")
    expect(page.locator("#recovery-codes li")).to_have_count(10)
    page.click("text=Log out")

    enter(page, product, "willy")
    page.fill("#id_code", totp.generate(time.time() + 30).decode())
    page.click("text=Continue")
    page.wait_for_url(f"{product.url}/admin/")
    assert complaints == []
