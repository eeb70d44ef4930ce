"""The third-party CA procedure from end to end: a real CA, a browser, a TLS client (CM-19)."""

import socket
import ssl
import subprocess
from hashlib import sha256

import pytest
from playwright.sync_api import expect

from tests.browser.screens import CERTIFICATES, Screens
from tests.certificates.authority import Authority
from tests.product import Product

NAME = "ccx1.example.com"
NAMES = f"DNS:{NAME},IP:127.0.0.1"  # those of the product's request
ALL = [1, 2, 3, 4, 5, 6, 7]


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"), "Signer")


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
@pytest.mark.spec("CM-5", "CM-7", "CM-11", "CM-16", "CM-18", "CM-19", "CM-21", "MN-3", "MN-4")
def test_the_seven_steps_bring_a_certificate_of_the_ca_into_force_and_one_brings_it_back(
    screens: Screens, product: Product, ca: Authority, complaints: list[str]
) -> None:
    before = product.served_fingerprint()

    answer = follow_the_steps(screens, ca)
    assert product.served_fingerprint() == before
    screens.step(7).get_by_role("link", name="Restarts").click()
    screens.restart()

    assert trusting_client_meets(product, ca) == sha256(ca.der(answer)).hexdigest()
    assert openssl_trusts(product, ca)
    screens.guide()
    screens.expect_steps(done=ALL, following=None)
    roll_back(screens)
    assert product.served_fingerprint() == before
    remove_the_ca(screens)
    # While the workers are exchanged a look at the job may fail once; nothing else may.
    assert [text for text in complaints if "ERR_" not in text] == []


def follow_the_steps(screens: Screens, ca: Authority) -> bytes:
    """Steps 1 to 6 by their links; the answer of the CA."""
    screens.guide()
    screens.step(1).get_by_role("link", name="Generate CSR").click()
    screens.generate()
    screens.page.get_by_role("link", name="Guide", exact=True).click()
    screens.expect_steps(done=[1], following=2)
    screens.step(2).get_by_role("link", name="Download CSR").click()
    saved = screens.download_request()
    text = ca.run("req", "-in", str(saved), "-noout", "-text", "-verify").decode()
    assert f"DNS:{NAME}, IP Address:127.0.0.1" in text
    assert "TLS Web Server Authentication, TLS Web Client Authentication, IPSec End System" in text
    screens.guide()
    screens.expect_steps(done=[1, 2], following=3)
    screens.step(5).get_by_role("link", name="Upload").click()
    screens.upload(ca.sub)
    expect(screens.form).to_contain_text("The file can be installed for tomcat-trust")
    screens.install()
    expect(screens.messages).to_contain_text("Added to tomcat-trust: Signer_Sub.pem")
    screens.guide()
    screens.expect_steps(done=[1, 2, 4, 5], following=6)
    screens.step(6).get_by_role("link", name="Upload").click()
    answer = ca.sign(saved.read_text(), names=NAMES)
    screens.upload(answer)
    assert set(screens.badges.all_inner_texts()) == {"Pass"}
    screens.install()
    expect(screens.messages).to_contain_text(f"Installed tomcat.pem on {NAME}")
    screens.guide()
    screens.expect_steps(done=ALL[:6], following=7)
    return answer


def trusting_client_meets(product: Product, ca: Authority) -> str:
    """SHA-256 of what a client meets that trusts only the root, and asks for the host's name."""
    trusting = ssl.create_default_context(cafile=ca.folder / "root.pem")
    with (
        socket.create_connection(("127.0.0.1", product.port), 20) as plain,
        trusting.wrap_socket(plain, server_hostname=NAME) as secured,
    ):
        met = secured.getpeercert(binary_form=True)
    assert met
    return sha256(met).hexdigest()


def openssl_trusts(product: Product, ca: Authority) -> bool:
    command = [ca.openssl, "s_client", "-connect", f"127.0.0.1:{product.port}"]
    command += ["-servername", NAME, "-verify_hostname", NAME, "-verify_return_error"]
    command += ["-CAfile", str(ca.folder / "root.pem"), "-no-CApath", "-no-CAstore"]
    done = subprocess.run(command, input=b"", capture_output=True, timeout=30, check=False)
    return done.returncode == 0 and b"Verify return code: 0 (ok)" in done.stdout


def roll_back(screens: Screens) -> None:
    """By the button of the certificate in force, and the restart."""
    screens.go(CERTIFICATES)
    screens.page.get_by_role("link", name="tomcat.pem").click()
    screens.page.get_by_role("link", name="Roll back").click()
    expect(screens.form).to_contain_text("Self-signed")
    screens.form.get_by_role("button", name="Roll back").click()
    expect(screens.messages).to_contain_text("Rolled back")
    screens.page.get_by_role("link", name="Restart or acknowledge").click()
    screens.restart()


def remove_the_ca(screens: Screens) -> None:
    """Nothing depends on its certificate any more."""
    screens.go(CERTIFICATES)
    screens.page.get_by_role("link", name="Signer_Sub.pem").click()
    screens.page.get_by_role("link", name="Delete").click()
    expect(screens.form).to_contain_text("No certificate in force here needs one of these")
    screens.form.get_by_role("button", name="Delete 1 certificate").click()
    expect(screens.messages).to_contain_text("Deleted Signer_Sub.pem")
