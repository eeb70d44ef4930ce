"""Signing in by an OpenID provider in a real browser: its cookies decide what comes back."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.openid_provider import CLIENT_ID, CLIENT_SECRET, Provider, running
from tests.product import Product, free_port

pytestmark = pytest.mark.spec("MN-2")


@pytest.fixture(scope="module")
def provider() -> Iterator[tuple[Provider, int]]:
    """A provider that knows the product, and the product's port."""
    port = free_port()
    with running(f"https://localhost:{port}/admin/login/openid/answer/") as made:
        made.person = {"sub": "4711", "preferred_username": "ann", "groups": ["security"]}
        yield made, port


@pytest.fixture(scope="module")
def by_provider(
    provider: tuple[Provider, int], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Product]:
    """A product of its own, which sends its users there."""
    known, port = provider
    product = Product(tmp_path_factory.mktemp("openid") / "data", port)
    product.settings = {
        "CCXSEC_OIDC_ISSUER": known.issuer,
        "CCXSEC_OIDC_CLIENT_ID": CLIENT_ID,
        "CCXSEC_OIDC_CLIENT_SECRET": CLIENT_SECRET,
        "CCXSEC_OIDC_GROUPS": "security=Security administrator",
        "CCXSEC_OIDC_NAME": "Example ID",
        "CCXSEC_ADDRESSES": "127.0.0.1",
    }
    product.start()
    yield product
    assert product.stop() == 0


def test_somebody_signs_in_by_the_provider_and_is_led_on(
    by_provider: Product,
    context: BrowserContext,
    complaints: list[str],
    provider: tuple[Provider, int],
) -> None:
    page = context.new_page()
    page.goto(f"{by_provider.url}/admin/certificates/certificate/?purpose=tomcat")

    page.click("text=Sign in by Example ID")

    page.wait_for_url("**/admin/certificates/certificate/?purpose=tomcat")
    expect(page.locator("#user-tools")).to_contain_text("ann")
    expect(page.get_by_role("link", name="Generate Self-signed")).to_be_visible()
    assert complaints == []
    assert provider[0].codes == {}  # what was given out was used, once
