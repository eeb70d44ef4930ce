"""IPSEC policies in a real browser: add, refuse, enable, follow; wide and narrow, dark too."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.chromium import sign_in
from tests.ipsec.recorded import Recorded, speaking
from tests.ipsec.scripts import run_script
from tests.lab.worker import Worker
from tests.product import Product

pytestmark = pytest.mark.spec("IP-1", "IP-2", "IP-3", "IP-4", "IP-5", "IP-7")
LIST = "/admin/ipsec/policy/"
WIDER = "document.documentElement.scrollWidth - innerWidth"
KEY = "a-good-key-1234"
CLEAR = """
from certificates.access import shell
from ipsec.models import Policy
from ipsec.operations import delete_policies, switch_upgrade
switch_upgrade(on=False, actor=shell())
delete_policies(list(Policy.objects.all()), actor=shell())
"""
NAMES = """
from ipsec.models import Policy
from ipsec.operations.state import names_of
row = Policy.objects.get(name="{}")
print(*names_of([row])[str(row)][:2], sep="|")
"""


HANDS: dict[int, Worker] = {}  # by the product's port


def ask(product: Product, script: str) -> str:
    """What a script prints, beside the running product."""
    return str(HANDS[product.port].ask(run_script, script))


@pytest.fixture(scope="module", autouse=True)
def _hand(product: Product) -> Iterator[None]:
    with Worker(product.data, **product.environment) as HANDS[product.port]:
        yield


@pytest.fixture(autouse=True)
def _no_policies(product: Product) -> Iterator[None]:
    yield
    ask(product, CLEAR)


@pytest.fixture
def told(product: Product) -> Iterator[Recorded]:
    with speaking(product.vici) as recorded:
        yield recorded


def add(product: Product, *names: str, enabled: bool = False, **fields: str) -> None:
    """By the product's own operation; each for a host of its own."""
    script = f"""
from certificates.access import shell
from ipsec.operations import add_policy
from ipsec.policy.definition import Definition
for number, name in enumerate({names!r}):
    hosts = {{"source_address": "192.0.2.1", "destination_address": f"192.0.2.{{10 + number}}"}}
    definition = Definition(group="web", name=name, **hosts, **{fields!r})
    add_policy(definition, preshared_key="{KEY}", enabled={enabled}, actor=shell())
"""
    ask(product, script)


def fill(page: Page, **fields: str) -> None:
    for name, value in fields.items():
        page.locator(f"#id_{name}").fill(value)


def row_of(page: Page, name: str) -> Locator:
    return page.locator(
        "#result_list tbody tr", has=page.get_by_role("link", name=name, exact=True)
    )


def unexpected(complaints: list[str]) -> list[str]:
    """A page after a refusal has the status 422, of which the browser tells."""
    return [one for one in complaints if "422" not in one]


@pytest.mark.parametrize("scripts", [True, False])
def test_an_operator_adds_a_policy_and_enables_it_with_save(
    page: Page, product: Product, complaints: list[str]
) -> None:
    page.goto(f"{product.url}{LIST}")
    page.get_by_role("link", name="Add New").click()
    fill(page, group="web", name="desktop", preshared_key=KEY, destination_address="192.0.2.2")
    fill(page, source_address="192.0.2.1", destination_port="8443")
    page.get_by_label("Protocol").select_option("tcp")
    page.get_by_role("button", name="Save").click()

    expect(page.locator(".messagelist")).to_contain_text("It is disabled: nothing is in force.")
    expect(page.locator("h1")).to_have_text("web/desktop")
    page.get_by_role("link", name="Configuration", exact=True).click()
    expect(page.locator("#id_preshared_key")).to_have_value("")
    page.get_by_label("Enable Policy").check()
    page.get_by_role("button", name="Save").click()

    expect(page.locator(".messagelist")).to_contain_text("It is put in force now.")
    expect(page.locator("#standing")).to_contain_text("No IKE daemon answers at")
    page.goto(f"{product.url}{LIST}")
    expect(row_of(page, "desktop")).to_contain_text("TCP, any to 8443")
    expect(row_of(page, "desktop")).to_contain_text("Not in force")
    assert complaints == []


def test_a_profile_fills_in_both_phases_and_legacy_is_confirmed(
    page: Page, product: Product, complaints: list[str]
) -> None:
    page.goto(f"{product.url}{LIST}add/")
    confirm = page.get_by_label("I want the choices that are marked as legacy")
    expect(confirm).to_be_hidden()

    page.get_by_role("button", name="Unified CCX").click()
    expect(page.get_by_label("Encryption Algorithm")).to_have_value("3DES")
    expect(page.get_by_label("Phase One DH")).to_have_value("2")
    expect(page.get_by_label("Phase One Life Time")).to_have_value("3600")
    expect(confirm).to_be_visible()
    page.get_by_role("button", name="Modern").focus()
    page.keyboard.press("Space")
    expect(page.get_by_label("IKE Version")).to_have_value("2")
    expect(confirm).to_be_hidden()

    page.get_by_label("Hash Algorithm").select_option("MD5")
    fill(page, group="web", name="weak", preshared_key=KEY, destination_address="192.0.2.2")
    fill(page, source_address="192.0.2.1")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#div_id_confirm_legacy .errorlist")).to_contain_text("MD5")
    fill(page, preshared_key=KEY)
    confirm.check()
    page.get_by_role("button", name="Save").click()
    expect(page.locator("h1")).to_have_text("web/weak")
    assert unexpected(complaints) == []


@pytest.mark.parametrize("scripts", [True, False])
def test_fields_that_do_not_apply_are_hidden(page: Page, product: Product) -> None:
    page.goto(f"{product.url}{LIST}add/")
    key, peer = page.locator("#id_preshared_key"), page.locator("#id_peer_type")
    name, trial = page.locator("#id_certificate_name"), page.locator("#id_trial_minutes")
    for field, shown in ((key, True), (peer, False), (name, False), (trial, False)):
        expect(field).to_be_visible(visible=shown)

    page.get_by_label("Authentication Method").select_option("certificate")
    for field, shown in ((key, False), (peer, True), (name, False)):
        expect(field).to_be_visible(visible=shown)
    peer.select_option("different")
    expect(name).to_be_visible()
    page.get_by_label("Enable Policy").check()
    expect(trial).to_be_visible()


def test_a_key_that_does_not_apply_any_more_is_not_sent(page: Page, product: Product) -> None:
    page.goto(f"{product.url}{LIST}add/")
    fill(page, group="web", name="by-certificate", preshared_key=KEY)
    fill(page, source_address="192.0.2.1", destination_address="192.0.2.2")
    page.get_by_label("Authentication Method").select_option("certificate")
    page.get_by_role("button", name="Save").click()

    expect(page.locator("h1")).to_have_text("web/by-certificate")


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("name", "a b", "only letters, digits and hyphens"),
        ("name", "<script>alert(1)</script>", "only letters, digits and hyphens"),
        ("preshared_key", "short", "soon guessed"),
        ("source_port", "99999", "does not exist"),
        ("destination_address", "nowhere", "has no domain"),
        ("destination_address", "192.0.2.1", "Source and destination are both"),
        ("phase_two_life_time", "1", "is 1 seconds"),
        ("remote_port", "Any", "is not a port"),
    ],
    ids=lambda part: re.sub(r"\W+", "-", part)[:24],
)
def test_a_refused_input_is_told_at_its_field(
    page: Page, product: Product, complaints: list[str], field: str, value: str, words: str
) -> None:
    page.goto(f"{product.url}{LIST}add/")
    fill(page, group="web", name="a", preshared_key=KEY, destination_address="192.0.2.2")
    fill(page, **{"source_address": "192.0.2.1", field: value})
    page.get_by_role("button", name="Save").click()

    expect(page.locator(f"#div_id_{field} .errorlist")).to_contain_text(words)
    expect(page.locator("#id_group")).to_have_value("web")
    expect(page.locator("#id_preshared_key")).to_have_value("")
    assert unexpected(complaints) == []


def test_a_preflight_leaves_the_form_and_its_key(page: Page, product: Product) -> None:
    page.goto(f"{product.url}{LIST}add/")
    fill(page, group="web", name="a", preshared_key=KEY, source_address="192.0.2.1")
    fill(page, destination_address="127.0.0.9")
    page.get_by_role("button", name="Pre-flight").click()

    checks = page.locator("#preflight")
    expect(checks).to_contain_text("The fields are whole", timeout=15_000)
    expect(checks).to_contain_text("No IKE daemon answers")
    expect(page.locator("#id_preshared_key")).to_have_value(KEY)
    fill(page, name="a b")
    page.get_by_role("button", name="Pre-flight").click()
    expect(page.locator("#div_id_name .errorlist")).to_contain_text("only letters")


@pytest.mark.parametrize("scripts", [True, False])
def test_select_all_clear_all_delete_selected(page: Page, product: Product) -> None:
    add(product, "one", "two", "three")
    page.goto(f"{product.url}{LIST}")
    boxes = page.locator("input.action-select")

    page.get_by_role("button", name="Select All").click()
    expect(page.locator("input.action-select:checked")).to_have_count(3)
    page.get_by_role("button", name="Clear All").click()
    expect(page.locator("input.action-select:checked")).to_have_count(0)
    boxes.nth(0).check()
    boxes.nth(2).check()
    page.get_by_role("button", name="Delete Selected").click()
    expect(page.locator("#content")).to_contain_text("no packet is treated otherwise than now")
    page.get_by_role("button", name="Delete 2 policies").click()

    expect(page.locator(".messagelist")).to_contain_text("Deleted web/one, web/two.")
    expect(page.locator("#result_list tbody tr")).to_have_count(1)


def test_the_list_shows_a_new_state_without_a_reload(
    page: Page, product: Product, told: Recorded, complaints: list[str]
) -> None:
    add(product, "desktop", enabled=True)
    connection, child = ask(product, NAMES.format("desktop")).split("|")
    hosts = ("192.0.2.1", "192.0.2.10")
    page.goto(f"{product.url}{LIST}")
    expect(row_of(page, "desktop")).to_contain_text("The IKE daemon does not hold it")
    page.locator("input.action-select").check()

    told.begin(connection, child, *hosts)

    expect(row_of(page, "desktop")).to_contain_text("Negotiating", timeout=12_000)
    expect(page.locator("[data-tells]")).to_contain_text("web/desktop: negotiating")
    expect(page.locator("input.action-select")).to_be_checked()
    row_of(page, "desktop").get_by_role("link", name="Negotiating").click()
    told.establish(connection, child, *hosts, mode="TUNNEL")
    expect(page.locator("#standing")).to_contain_text("TUNNEL was negotiated", timeout=12_000)
    told.establish(connection, child, *hosts)
    # What the daemon believes is not enough: this machine's kernel has no such policy.
    expect(page.locator("#standing")).to_contain_text("leaves unprotected", timeout=12_000)
    expect(page.locator("#negotiated")).to_contain_text("As configured")
    assert complaints == []


@pytest.mark.parametrize("scripts", [False])
def test_without_a_script_the_page_says_as_of_when(page: Page, product: Product) -> None:
    add(product, "desktop")
    page.goto(f"{product.url}{LIST}")

    expect(page.locator("#as-of")).to_have_text(re.compile(r"as of \d\d:\d\d:\d\d"))
    page.get_by_role("link", name="Look again").click()
    expect(page.locator("#as-of")).to_be_visible()
    expect(page.locator("[data-refreshed]")).to_be_hidden()


def test_a_trial_is_begun_and_confirmed_from_any_page(page: Page, product: Product) -> None:
    add(product, "desktop")
    page.goto(f"{product.url}{LIST}")
    row_of(page, "desktop").get_by_role("link", name="Disabled").click()
    page.get_by_label("Enable on trial, for minutes").fill("5")
    page.get_by_role("button", name="Enable on trial").click()
    expect(page.locator(".messagelist")).to_contain_text("Confirm it within 5 minutes")

    page.goto(f"{product.url}/admin/certificates/certificate/")
    page.locator(".notices").get_by_role("button", name="Confirm").click()
    expect(page.locator(".messagelist")).to_contain_text("Confirmed: web/desktop stays enabled.")
    expect(page).to_have_url(re.compile("/admin/certificates/certificate/$"))


def test_an_upgrade_in_progress_stands_on_every_screen_and_greys_the_buttons(
    page: Page, product: Product
) -> None:
    add(product, "desktop")
    page.goto(f"{product.url}{LIST}")
    page.get_by_role("button", name="System upgrade in progress").click()

    expect(page.locator(".notices")).to_contain_text("System upgrade in progress since")
    expect(page.get_by_role("button", name="Delete Selected")).to_be_disabled()
    page.goto(f"{product.url}{LIST}add/")
    expect(page.get_by_role("button", name="Save")).to_be_disabled()
    page.locator(".notices").get_by_role("button", name="The upgrade has ended").click()
    expect(page.get_by_role("button", name="Delete Selected")).to_be_enabled()


def test_a_policy_is_added_with_the_keyboard_alone(page: Page, product: Product) -> None:
    page.goto(f"{product.url}{LIST}add/")
    page.locator("#id_group").focus()
    for text in ("web", "typed"):
        page.keyboard.type(text)
        page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.type(KEY)
    page.keyboard.press("Tab")
    page.keyboard.press("Control+A")
    page.keyboard.type("192.0.2.1")
    page.keyboard.press("Tab")
    page.keyboard.type("192.0.2.2")
    page.keyboard.press("Enter")

    expect(page.locator("h1")).to_have_text("web/typed")


def test_the_daemons_words_are_no_markup(
    page: Page, product: Product, told: Recorded, complaints: list[str]
) -> None:
    name = "<img src=x onerror=alert(1)>\u202e"
    told.hold(name, "child", "192.0.2.1", "192.0.2.2")
    page.goto(f"{product.url}{LIST}")

    expect(page.locator(".others")).to_contain_text("<img src=x onerror=alert(1)>")
    assert page.locator(".others img").count() == 0
    assert complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_screen_fits_a_telephone(
    browser: Browser, product: Product, told: Recorded, scheme: Any
) -> None:
    add(product, "desktop", "a" * 64, enabled=True)
    connection, child = ask(product, NAMES.format("desktop")).split("|")
    told.establish(connection, child, "192.0.2.1", "192.0.2.10", mode="TUNNEL")
    context = browser.new_context(
        ignore_https_errors=True, viewport={"width": 390, "height": 800}, color_scheme=scheme
    )
    page = sign_in(context.new_page(), product)
    page.goto(f"{product.url}{LIST}")
    state = row_of(page, "desktop").locator(".field-state a").get_attribute("href")
    key = str(state).rstrip("/").rpartition("/")[2]
    wide = {}
    for path in (
        "",
        "add/",
        "import/",
        f"delete/?policies={key}",
        *(f"{key}/{one}" for one in ("", "change/", "compare/")),
    ):
        page.goto(f"{product.url}{LIST}{path}")
        wide[path] = page.evaluate(WIDER)
    context.close()

    assert max(wide.values()) <= 0, wide
