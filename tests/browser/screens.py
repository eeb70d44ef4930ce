"""The screens of the third-party procedure, worked by their links, fields and buttons.

All of it works with scripts, where a link opens a dialog, and without, where it opens a page.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.product import Product

CERTIFICATES = "/admin/certificates/certificate/"


@dataclass
class Screens:
    """An operator at a page of a product.

    `files` is the folder that the browser saves to, `scripts` whether it runs them.
    """

    page: Page
    product: Product
    files: Path
    scripts: bool = True

    @property
    def form(self) -> Locator:
        """The form of the dialog that is open, or of the page."""
        return self.page.locator("[data-dialog-form]")

    @property
    def messages(self) -> Locator:
        return self.page.locator(".messagelist")

    @property
    def badges(self) -> Locator:
        """In the list of checks of a file."""
        return self.form.locator(".checks .badge")

    def go(self, path: str) -> None:
        self.page.goto(f"{self.product.url}{path}")

    def guide(self, purpose: str = "tomcat") -> None:
        """From the list to the guide of the local node."""
        self.go(CERTIFICATES)
        self.page.get_by_role("link", name="Third-party CA guide").click()
        self.page.get_by_label("Certificate", exact=True).select_option(purpose)
        self.page.get_by_role("button", name="Show").click()

    def step(self, number: int) -> Locator:
        return self.page.locator(".steps li").nth(number - 1)

    def expect_steps(self, *, done: list[int], following: int | None) -> None:
        """What the guide marks as done, and as the next step."""
        marked = self.page.locator(".steps li:has(.badge.valid) > .tick + div > strong")
        titles = [self.step(number).locator("strong").inner_text() for number in done]
        expect(marked).to_have_text(titles)
        at = self.page.locator(".steps [aria-current=step]")
        expect(at).to_have_count(0 if following is None else 1)
        if following is not None:
            expect(self.step(following)).to_have_attribute("aria-current", "step")

    def generate(self, **fields: str) -> None:
        """Fill in the form of Generate CSR and press Generate; quickly, with a small key."""
        self.form.get_by_label("Key length").select_option("rsa-2048")
        for label, value in fields.items():
            self.form.get_by_label(label.replace("_", " ").capitalize(), exact=True).fill(value)
        confirm = self.form.get_by_label(re.compile("^Supersede the pending request"))
        if confirm.count():
            confirm.check()
        self.form.get_by_role("button", name="Generate").click()
        expect(self.messages).to_contain_text("Made")

    def download_request(self, purpose: str = "tomcat") -> Path:
        """Choose a pending request in Download CSR, and save it."""
        choice = self.form.get_by_label("Certificate Name")
        choice.select_option(label=f"{purpose} (ccx1.example.com)")
        with self.page.expect_download() as started:
            self.form.get_by_role("button", name="Download CSR").click()
        assert started.value.suggested_filename == f"{purpose}.csr"
        saved = self.files / f"{purpose}.csr"
        started.value.save_as(saved)
        return saved

    def upload(self, content: bytes, name: str = "certificate.pem") -> None:
        """Choose a file in the upload dialog that is open, and have it checked."""
        path = self.files / name
        path.write_bytes(content)
        self.form.get_by_label("File").set_input_files(path)
        self.form.get_by_role("button", name="Upload and check").click()
        expect(self.page.locator(".checks").first).to_be_visible()

    def upload_for(self, purpose: str, content: bytes, name: str = "certificate.pem") -> None:
        """From the list to the checks of a file."""
        self.go(CERTIFICATES)
        self.page.get_by_role("link", name="Upload Certificate or Certificate Chain").click()
        self.form.get_by_label("Certificate Purpose").select_option(purpose)
        self.upload(content, name)

    def install(self) -> None:
        self.form.get_by_role("button", name="Install").click()

    def restart(self) -> None:
        """From the restarts to the end of the job, which the page follows if it has scripts."""
        self.page.get_by_role("button", name="Restart now").click()
        job, looks = self.page.locator("#job"), 0
        while not self.scripts and "A TLS handshake shows" not in job.inner_text():
            self.page.wait_for_timeout(500)
            self.page.get_by_role("link", name="Look again").click()
            looks += 1
            assert looks < 60, job.inner_text()
        expect(job).to_contain_text("A TLS handshake shows", timeout=60_000)
