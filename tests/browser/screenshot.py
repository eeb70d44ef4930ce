"""Makes the screenshot of the README: `python -m tests.browser.screenshot`.

A product of its own with a second node and a small trust store; nothing in it is real.
"""

import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser.chromium import ARGUMENTS, sign_in
from tests.product import ROOT, Product

FILL = """
from datetime import timedelta
from django.utils import timezone
from certificates.access import shell
from certificates.models import Certificate, Node, Purpose
from certificates.operations import generate, save_node
from certificates.x509.facts import read_facts
from certificates.x509.keys import new_key
from certificates.x509.names import Subject
from certificates.x509.policy import KeyChoice
from certificates.x509.self_signed import self_signed

now, actor = timezone.now(), shell()
other = save_node(Node(), host_name="ccx2.example.com", addresses=["192.0.2.11"], actor=actor)
for node, purpose in ((other, Purpose.TOMCAT), (other, Purpose.IPSEC)):
    generate(node, purpose, replacing="", actor=actor, now=now)
for name, days, choice in (
    ("Example Root CA", 3000, KeyChoice.RSA_4096),
    ("Example Issuing CA 3", 400, KeyChoice.EC_P384),
    ("Gateway West", 21, KeyChoice.RSA_2048),
    ("Gateway East", 4, KeyChoice.RSA_1024),
):
    subject = Subject(name, organization="Example").to_x509()
    der = self_signed(new_key(choice), subject=subject, names=[], days=days, now=now)
    Certificate.objects.create_trust(
        Node.objects.local(), Purpose.TOMCAT_TRUST, [read_facts(der)], "Trusted since the migration"
    )
"""


def main() -> None:
    """Write docs/certificate-list.png."""
    with tempfile.TemporaryDirectory() as folder:
        product = Product(Path(folder) / "data")
        product.start()
        filled = product.run("shell", "-v", "0", "-c", FILL)
        if filled.returncode:
            raise SystemExit(filled.stderr)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path="/usr/bin/chromium", args=ARGUMENTS
            )
            context = browser.new_context(
                ignore_https_errors=True, viewport={"width": 1280, "height": 860}
            )
            page = sign_in(context.new_page(), product)
            page.goto(f"{product.url}/admin/certificates/certificate/")
            page.screenshot(path=ROOT / "docs" / "certificate-list.png")
            browser.close()
        product.stop()


if __name__ == "__main__":
    main()
