"""How the browser is started, and how an operator signs in."""

from urllib.parse import urlsplit

from playwright.sync_api import Page

from tests.product import PASSWORD, Product

PATIENCE = 60_000  # milliseconds: a job may find the worker and both cores busy
# Headless, without any traffic of the browser's own.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def sign_in(page: Page, product: Product) -> Page:
    page.set_default_timeout(PATIENCE)
    page.goto(f"{product.url}/")
    page.fill("#id_username", "admin")
    page.fill("#id_password", PASSWORD)
    page.click("[type=submit]")
    page.wait_for_url(lambda address: urlsplit(address).path != "/admin/login/")
    return page
