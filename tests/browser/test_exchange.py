"""Two clusters exchange through a real SFTP server: one browser runs scripts, the other none."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.chromium import sign_in
from tests.product import Product
from tests.ssh_server import SshServer, ssh_server

pytestmark = pytest.mark.spec("BK-1", "BK-2", "BK-3", "BK-4", "BK-5")
WIDER = "document.documentElement.scrollWidth - innerWidth"
LONG = 90_000  # milliseconds, for a machine that is busy
LOOKS = 120  # at a run, by hand


@dataclass
class Operator:
    """Somebody at the page of one cluster; `scripts`: whether the browser runs them."""

    page: Page
    product: Product
    name: str
    scripts: bool
    errors: list[str]
    lost: list[str]  # requests without an answer

    def open(self) -> None:
        self.page.goto(f"{self.product.url}/admin/bulk/")

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def wait(self) -> None:
        """Until the run on the page has ended; with scripts the page follows it by itself."""
        job, looks = self.page.locator("#job[data-live]"), 0
        while not self.scripts and job.count():
            self.page.wait_for_timeout(500)
            job.get_by_role("link", name="Look again").click()
            looks += 1
            assert looks < LOOKS, job.inner_text()
        try:
            expect(job).to_have_count(0, timeout=LONG)
        except AssertionError as error:
            raise AssertionError(f"{job.inner_text()}\n{self.lost}") from error

    def save(self, server: SshServer, directory: str) -> None:
        """Fill in the window, compare the host key, and save."""
        self.open()
        values = {
            "IP address or host": "127.0.0.1",
            "Port": str(server.port),
            "User ID": server.user,
            "Directory": directory,
            "Or private key": server.key,
            "This cluster's name": self.name,
        }
        for label, value in values.items():
            self.page.get_by_label(label, exact=True).fill(value)
        self.press("Save")
        expect(self.page.locator("#confirm .fingerprint")).to_have_text(server.fingerprint)
        self.press("It is the right key: pin it and save")

    def export(self) -> None:
        self.open()
        self.wait()
        self.page.get_by_role("link", name="Export", exact=True).click()
        expect(self.page.get_by_label("Certificate Type")).to_have_value("all")
        self.page.locator("[data-dialog-form]").get_by_role("button", name="Export").click()
        self.wait()
        self.open()
        expect(self.step("Export")).to_contain_text("Done")

    def step(self, name: str) -> Locator:
        return self.page.locator(".path > li").filter(
            has=self.page.get_by_role("heading", name=name)
        )

    def confirm(self, other: str, keys: list[str]) -> None:
        """Compare what the other cluster shows of itself, then confirm it."""
        part = self.page.locator(".unconfirmed", has_text=other)
        expect(part.locator(".fingerprint")).to_have_text(keys)
        part.get_by_label("I compared every fingerprint").check()
        part.get_by_role("button", name="Confirm").click()
        expect(self.page.locator(".messagelist")).to_contain_text(f"{other} is confirmed")

    def import_all(self) -> None:
        """Look what would change, then have it done."""
        self.press("Import")
        self.wait()
        if not self.scripts:
            self.page.get_by_role("link", name="See what would change").click()
        expect(self.page.locator(".plan")).to_contain_text("2 certificates", timeout=LONG)
        self.press("Import")
        self.wait()
        expect(self.page.locator("#job")).to_contain_text("Imported: 2 certificates added")

    @property
    def host(self) -> str:
        return self.product.settings["CCXSEC_HOST_NAME"]

    @property
    def own_keys(self) -> list[str]:
        self.open()
        return self.page.locator("#this-cluster .fingerprint").all_inner_texts()


@pytest.fixture
def operators(browser: Browser, tmp_path: Path) -> Iterator[list[Operator]]:
    """Two products, each with an operator who is signed in."""
    with ExitStack() as stack:
        found = []
        for name, host, scripts in (("Vienna", "ccx1", True), ("Graz", "ccx2", False)):
            settings = {"CCXSEC_HOST_NAME": f"{host}.example.com"}
            product = Product(tmp_path / name, settings=settings)
            product.start()
            stack.callback(product.stop)
            context = browser.new_context(ignore_https_errors=True, java_script_enabled=scripts)
            stack.callback(context.close)
            errors: list[str] = []
            context.on("weberror", lambda error, to=errors: to.append(str(error.error)))
            lost: list[str] = []
            context.on(
                "requestfailed",
                lambda request, to=lost: to.append(f"{request.url}: {request.failure}"),
            )
            page = sign_in(context.new_page(), product)
            found.append(Operator(page, product, name, scripts, errors, lost))
        yield found


def test_from_empty_to_mutual_trust(operators: list[Operator]) -> None:
    with ssh_server() as server:
        vienna, graz = operators
        for one in operators:
            one.save(server, "/nowhere")
            expect(one.page.locator("#div_id_directory")).to_contain_text("has no directory")
            one.page.get_by_label("Directory", exact=True).fill(str(server.home))
            one.press("Save")
            expect(one.page.locator("#checks .badge.valid")).to_have_count(6)
            if one.scripts:  # the steps can be begun once the first look has ended
                one.wait()
                expect(one.page.get_by_role("link", name="Export", exact=True)).to_be_visible()
                expect(one.page.locator("#checks .badge.valid")).to_have_count(6)
            one.export()
        expect(vienna.step("Import")).to_contain_text("At least two clusters must export")
        expect(graz.step("Import")).to_contain_text("The exports must be consolidated.")
        graz.press("Consolidate")
        graz.wait()
        keys = {one.name: one.own_keys for one in operators}
        vienna.press("Look again")
        vienna.wait()

        for one, other in ((vienna, graz), (graz, vienna)):
            one.open()
            one.confirm(other.name, keys[other.name])
            one.import_all()

        for one, other in ((vienna, graz), (graz, vienna)):
            one.open()
            expect(one.step("Import")).to_contain_text("is imported")
            listed = one.product.run("cert", "list", "--json").stdout
            assert listed.count(f'"common_name": "{other.host}"') == 2
            one.page.set_viewport_size({"width": 390, "height": 800})
            assert one.page.evaluate(WIDER) <= 0
            assert one.errors == []
        assert not [path for path in server.home.iterdir() if ".part." in path.name]
