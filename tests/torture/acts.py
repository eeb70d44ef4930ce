"""What the clients of the torture run do: each act is one operation, answered and noted."""

import itertools
import random
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from tests.torture.browser import Answer, Browser, CutError, Forms, key_in
from tests.torture.ledger import Ledger

CERTIFICATES = "/admin/certificates/certificate/"
PAGES = (
    "/admin/",
    CERTIFICATES,
    f"{CERTIFICATES}?field=common_name&op=contains&value=example",
    f"{CERTIFICATES}export.csv",
    f"{CERTIFICATES}guide/",
    f"{CERTIFICATES}trust-stores/",
    "/admin/certificates/event/",
    "/admin/certificates/event/verify/",
    "/admin/certificates/job/",
    "/admin/certificates/node/1/",
    "/admin/certificates/restartnotice/",
    "/admin/certificates/signingrequest/",
    "/admin/certificates/delivery/",
    "/admin/certificates/backupsettings/",
    "/admin/monitor/",
    "/admin/ipsec/policy/",
    "/admin/bulk/",
)
POLICY = {
    "group": "torture",
    "authentication": "psk",
    "preshared_key": "of-the-torture-run-1",
    "source_address": "127.0.0.1",
    "confirm_legacy": "on",
    "confirm_overlap": "on",
}
_number = itertools.count(1)


@dataclass
class Client:
    """One person who works on and on, and remembers what is theirs."""

    browser: Browser
    ledger: Ledger
    rng: random.Random
    trusted: dict[str, int] = field(default_factory=dict)  # fingerprint -> row
    policies: dict[str, int] = field(default_factory=dict)  # name -> row
    signed_in: bool = False

    def step(self) -> None:
        """One act, whichever comes; whatever breaks the line is an unknown outcome."""
        try:
            if not self.signed_in or self.rng.random() < 0.02:
                self.signed_in = self.browser.sign_in()
                return
            self.rng.choices([act for act, _ in ACTS], [weight for _, weight in ACTS])[0](self)
        except CutError:
            time.sleep(0.2)  # it comes back in a moment

    def note(self, kind: str, key: str, ask: Callable[[], Answer]) -> Answer | None:
        """Ask, and write down what was said; None: nothing was."""
        try:
            answer = ask()
        except CutError:
            self.ledger.note(kind, key, "unknown", "cut")
            return None
        if answer.is_sign_in:
            self.signed_in = False
        said = f"{answer.status} {answer.location}"
        if answer.outcome in ("error", "refused"):
            said += _words(answer.text)
        self.ledger.note(kind, key, answer.outcome, said)
        return answer

    def name(self, kind: str) -> str:
        return f"{kind}{next(_number)}-{secrets.token_hex(3)}.example.com"


def _words(page: str) -> str:
    content = page[page.find("<main") :] or page
    found = re.findall(
        r'class="(?:errorlist|errornote|present)[^>]*>(.*?)</(?:ul|p)>', content, re.S
    )
    return " " + re.sub(r"<[^>]+>|\s+", " ", " ".join(found) or content[:400])


def look(client: Client) -> None:
    path = client.rng.choice(PAGES)
    try:
        answer = client.browser.get(path)
    except CutError:
        client.ledger.note("look", path, "unknown", "cut")
        return
    if answer.is_sign_in:
        client.signed_in = False
    outcome = {200: "done", 302: "refused", 503: "unknown"}.get(answer.status, "error")
    client.ledger.note("look", path, outcome, f"{answer.status}{_words(answer.text)}")


def generate(client: Client) -> None:
    purpose, name = client.rng.choice(["tomcat", "ipsec"]), client.name("g")
    path = f"{CERTIFICATES}generate/?purpose={purpose}"
    fields = client.browser.form(path, "replacing")
    if fields:
        fields |= {"common_name": name, "names": name, "key": "ec-p256", "confirm_ca_signed": "on"}
        client.note("generate", name, lambda: client.browser.post(path, fields))


def request(client: Client) -> None:
    purpose, name = client.rng.choice(["tomcat", "ipsec"]), client.name("r")
    path = f"/admin/certificates/signingrequest/generate/?purpose={purpose}"
    fields = client.browser.form(path, "replacing")
    if fields:
        fields |= {"common_name": name, "names": name, "key": "rsa-2048", "confirm_pending": "on"}
        client.note("request", name, lambda: client.browser.post(path, fields))


def upload(client: Client) -> None:
    """Two steps, as an operator does it: the checks, then Install."""
    days = client.rng.choice([20, 3000])  # the monitor tells of the former
    certificate = _root(client.name("u"), days)
    purpose = client.rng.choice(["tomcat-trust", "ipsec-trust"])
    fields = _examine(client, purpose, certificate.public_bytes(Encoding.PEM))
    if fields is None:
        return
    fields["confirm"] = "on"
    fingerprint = certificate.fingerprint(hashes.SHA256()).hex()
    path = f"{CERTIFICATES}upload/"
    answer = client.note("upload", fingerprint, lambda: client.browser.post(path, fields))
    if answer and answer.outcome == "done":
        client.trusted[fingerprint] = key_in(answer.location)


def hostile(client: Client) -> None:
    """Broken and strange files: each is refused, and none is an error."""
    data = bytearray(_root(client.name("h"), 100).public_bytes(Encoding.DER))
    for _ in range(client.rng.randint(1, 40)):
        data[client.rng.randrange(len(data))] ^= 1 << client.rng.randrange(8)
    path = f"{CERTIFICATES}upload/"
    fields = client.browser.form(path, "text")
    if fields:
        fields |= {"purpose": "tomcat-trust", "text": ""}
        sent = bytes(data)
        client.note("hostile", "", lambda: client.browser.post(path, fields, sent))


def _examine(client: Client, purpose: str, data: bytes) -> dict[str, str] | None:
    path = f"{CERTIFICATES}upload/?purpose={purpose}"
    fields = client.browser.form(path, "text")
    if fields is None:
        return None
    answer = client.browser.post(path, fields | {"purpose": purpose, "text": ""}, data)
    return Forms(answer.text).with_field("shown") if answer.status == 200 else None


def delete(client: Client) -> None:
    if not client.trusted:
        return
    fingerprint = client.rng.choice(list(client.trusted))
    path = f"{CERTIFICATES}delete/?certificates={client.trusted.pop(fingerprint)}"
    fields = client.browser.form(path, "shown")
    if fields:
        client.note("delete", fingerprint, lambda: client.browser.post(path, fields))


def add_policy(client: Client) -> None:
    name = f"p{next(_number)}-{secrets.token_hex(3)}"
    path = "/admin/ipsec/policy/add/"
    fields = client.browser.form(path, "preshared_key")
    if fields:
        there = f"198.18.{client.rng.randrange(256)}.{client.rng.randrange(1, 255)}"
        fields |= POLICY | {"name": name, "destination_address": there}
        answer = client.note("policy", name, lambda: client.browser.post(path, fields))
        if answer and answer.outcome == "done":
            client.policies[name] = key_in(answer.location)


def switch_policy(client: Client) -> None:
    """Enable or disable one's own; the answer leads back to its page either way."""
    if not client.policies:
        return
    name = client.rng.choice(list(client.policies))
    path = f"/admin/ipsec/policy/{client.policies[name]}/"
    to = client.rng.choice(["enabled", "disabled"])
    fields = {"to": to, "confirm_legacy": "on", "confirm_overlap": "on"}
    try:
        client.browser.post(f"{path}switch/", fields)
    except CutError:
        return


def save_monitor(client: Client) -> None:
    fields = client.browser.form("/admin/monitor/", "start_days")
    if fields:
        fields["start_days"] = str(client.rng.randint(25, 60))
        client.note("monitor", "", lambda: client.browser.post("/admin/monitor/", fields))


def press(kind: str, path: str, **fields: str) -> Callable[[Client], None]:
    """A button that has the worker do something."""

    def act(client: Client) -> None:
        client.note(kind, "", lambda: client.browser.post(path, fields))

    return act


ACTS: list[tuple[Callable[[Client], None], float]] = [
    (look, 10),
    (generate, 3),
    (request, 1),
    (upload, 4),
    (hostile, 2),
    (delete, 2),
    (add_policy, 2),
    (switch_policy, 2),
    (save_monitor, 1),
    (press("run", "/admin/monitor/run/"), 1),
    (press("deploy", "/admin/certificates/node/1/deploy/", service="tomcat"), 2),
    (press("backup", "/admin/certificates/backupsettings/make/"), 0.5),
    (press("export", "/admin/bulk/export/", service="all"), 1),
    (press("survey", "/admin/bulk/survey/"), 0.5),
]


def _root(name: str, days: int) -> x509.Certificate:
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    return (
        x509.CertificateBuilder(
            subject,
            subject,
            key.public_key(),
            x509.random_serial_number(),
            now - timedelta(hours=1),
            now + timedelta(days=days),
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
