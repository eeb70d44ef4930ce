"""Makes the pictures of the documentation: `python -m tests.browser.screenshot`.

A product of its own with a second node and a small trust store; nothing in it is real.
"""

import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.browser.chromium import ARGUMENTS, sign_in
from tests.certificates.authority import Authority
from tests.ipsec.charon import add_addresses, running
from tests.product import ROOT, Product
from tests.ssh_server import ssh_server

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


POLICIES = """
from certificates.access import shell
from ipsec.operations import add_policy
from ipsec.policy.choices import Protocol
from ipsec.policy.definition import Definition
from ipsec.policy.profiles import PROFILES, ProfileName

def add(group, name, destination, profile="modern", enabled=True, **fields):
    chosen = PROFILES[ProfileName(profile)].fields | fields
    hosts = {"source_address": "192.0.2.1", "destination_address": destination}
    definition = Definition(group=group, name=name, **hosts, **chosen)
    key, legacy = "an-example-of-a-key", ["confirm.legacy"]
    add_policy(
        definition, preshared_key=key, enabled=enabled, confirmed=legacy, actor=shell()
    )

add("Cluster", "all-of-ccx2", "192.0.2.2")
add("Desktops", "finesse", "192.0.2.30", protocol=Protocol.TCP, destination_port=8443)
add("Desktops", "reports", "192.0.2.31", "fips", protocol=Protocol.TCP, destination_port=8444)
add("Gateways", "west", "192.0.2.40", "unified-ccx", protocol=Protocol.UDP)
add("Recording", "recorder", "recorder.invalid", enabled=False)
"""
EXCHANGE = "from tests.bulk import scenes; scenes.everything()"
LIST = "certificates/certificate/"


def main() -> None:
    """Write the pictures of the documentation."""
    with tempfile.TemporaryDirectory() as folder:
        product = Product(Path(folder) / "data")
        product.start()
        run(product, "shell", "-v", "0", "-c", FILL)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path="/usr/bin/chromium", args=ARGUMENTS
            )
            context = browser.new_context(
                ignore_https_errors=True, viewport={"width": 1280, "height": 860}
            )
            page = sign_in(context.new_page(), product)
            show(page, product, LIST, "certificate-list", whole=False)
            node(page, product)
            third_party(page, product, Authority(Path(folder) / "ca", "Example"))
            run(product, "shell", "-v", "0", "-c", EXCHANGE)
            show(page, product, "bulk/", "bulk")
            browser.close()
        product.stop()
    ipsec()


def ipsec() -> None:
    """The list of policies, where a daemon and a kernel of its own hold them."""
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as daemon, daemon.entered():
        add_addresses()
        settings = {"CCXSEC_IPSEC_SOCKET": str(daemon.socket)}
        product = Product(Path(folder) / "data", settings=settings)
        product.start()
        run(product, "shell", "-v", "0", "-c", POLICIES)
        run(product, "ipsec", "apply")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path="/usr/bin/chromium", args=ARGUMENTS
            )
            context = browser.new_context(
                ignore_https_errors=True, viewport={"width": 1280, "height": 960}
            )
            page = sign_in(context.new_page(), product)
            show(page, product, "ipsec/policy/", "ipsec", whole=False)
            browser.close()
        product.stop()


def node(page: Page, product: Product) -> None:
    """The second node, reached over SSH; somebody has changed a file in its store."""
    name, words = "ccx2.example.com", "/usr/bin/systemctl restart tomcat10"
    with ssh_server() as server:
        key = product.data.parent / "key"
        key.write_text(server.key)
        where = ["--ssh-host", "127.0.0.1", "--ssh-port", str(server.port)]
        run(product, "node", "service", name, "ipsec", "--folder", f"{server.home}/ipsec")
        tomcat = ["--folder", f"{server.home}/tomcat", "--probe-port", "8443"]
        run(product, "node", "service", name, "tomcat", *tomcat, "--restart-command", words)
        user = ["--ssh-user", server.user, "--key-file", str(key)]
        run(product, "node", "reach", name, "ssh", *where, *user)
        run(product, "node", "pin", name, server.fingerprint)
        run(product, "cert", "deploy", "--node", name)
        with (server.home / "ipsec" / "current" / "chain.pem").open("a") as file:
            file.write("# by hand\n")
        product.run("cert", "deploy", "--node", name, "--check")
        show(page, product, "certificates/node/2/", "node")
        run(product, "node", "reach", name, "by-hand")


def third_party(page: Page, product: Product, ca: Authority) -> None:
    """The pages of the procedure, each where it is worth a picture."""
    run(product, "csr", "gen", "tomcat", "--organization", "Example")
    request = run(product, "csr", "show", "tomcat", "--pem")
    show(page, product, "certificates/signingrequest/1/", "csr")
    page.get_by_role("button", name="Download CSR").click()
    show(page, product, f"{LIST}guide/", "third-party-ca")
    chain = ca.folder / "answer.p7b"
    answer = ca.sign(request, names="DNS:ccx1.example.com")
    chain.write_bytes(ca.pkcs7(answer, ca.sub, ca.root))
    page.goto(f"{product.url}/admin/{LIST}upload/")
    page.set_input_files("#id_file", chain)
    page.get_by_role("button", name="Upload and check").click()
    page.wait_for_url("**/upload/**")
    page.screenshot(path=ROOT / "docs" / "upload.png", full_page=True)
    run(product, "cert", "import", "tomcat", str(chain))
    show(page, product, f"{LIST}roll-back/?purpose=tomcat", "roll-back")
    page.goto(f"{product.url}/admin/{LIST}?field=common_name&op=contains&value=Example+Sub")
    page.get_by_role("link", name="Example_Sub.pem").click()
    page.get_by_role("link", name="Delete").click()
    page.get_by_role("button", name="Delete 1 certificate").wait_for()
    page.screenshot(path=ROOT / "docs" / "delete.png")


def show(page: Page, product: Product, path: str, name: str, *, whole: bool = True) -> None:
    page.goto(f"{product.url}/admin/{path}")
    page.screenshot(path=ROOT / "docs" / f"{name}.png", full_page=whole)


def run(product: Product, *words: str) -> str:
    done = product.run(*words)
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout


if __name__ == "__main__":
    main()
