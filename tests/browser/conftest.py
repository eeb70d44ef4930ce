"""A real browser on the running product."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.browser.chromium import ARGUMENTS, PATIENCE, sign_in
from tests.browser.screens import Screens
from tests.parts import needs
from tests.product import Product

expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """One running product for all browser tests; they name what they change."""
    with Product.running(tmp_path_factory.mktemp("product")) as running:
        yield running


# Not for the whole session: while Playwright runs, Django takes its loop for a caller's own.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = needs("chromium-headless-shell", "chromium-headless-shell")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture
def complaints() -> list[str]:
    """What the browser complained of: errors of scripts, and breaches of the content policy."""
    return []


@pytest.fixture
def scripts() -> bool:
    """Whether the browser runs scripts; a test is parametrized to try it without them."""
    return True


@pytest.fixture
def context(browser: Browser, complaints: list[str], scripts: bool) -> Iterator[BrowserContext]:
    """A clean profile at 1280 pixels; every complaint on any of its pages is gathered."""
    opened = browser.new_context(
        ignore_https_errors=True,
        viewport={"width": 1280, "height": 900},
        accept_downloads=True,
        java_script_enabled=scripts,
    )
    opened.on(
        "console",
        lambda message: complaints.append(message.text) if message.type == "error" else None,
    )
    opened.on("weberror", lambda error: complaints.append(str(error.error)))
    yield opened
    opened.close()


@pytest.fixture
def page(context: BrowserContext, product: Product) -> Page:
    """Signed in as the administrator."""
    return sign_in(context.new_page(), product)


@pytest.fixture
def screens(page: Page, product: Product, tmp_path: Path, scripts: bool) -> Screens:
    """The same operator at the screens of uploads."""
    return Screens(page, product, tmp_path, scripts)
