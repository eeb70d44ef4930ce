"""Runs in an old version, under its own code: some of everything that it knows.

What a version does not know yet is left out; `facts.json` lists what it has made, and what must
still be there after an upgrade. Keys of the fixture are small, and used by nobody.
"""

import json
import os
from datetime import timedelta
from pathlib import Path

import django

django.setup()

from cryptography import x509  # noqa: E402
from cryptography.hazmat.primitives import hashes, serialization  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: E402
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID  # noqa: E402
from django.contrib.auth.models import Group, User  # noqa: E402
from django.utils import timezone  # noqa: E402

from certificates import jobs, operations  # noqa: E402
from certificates.access import Actor  # noqa: E402
from certificates.models import Certificate, Event, Job, Node, Purpose  # noqa: E402
from certificates.operations import generate, save_node  # noqa: E402
from certificates.x509.policy import KeyChoice  # noqa: E402

ACTOR, NOW = Actor("fixture"), timezone.now()
DATA = Path(os.environ["CCXSEC_DATA"])


def authority(name):
    """A root that signs itself."""
    key = rsa.generate_private_key(65537, 2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    return key, (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=3650))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def answer(pem, root_key, root):
    """The CA's answer to a request."""
    request = x509.load_pem_x509_csr(pem.encode())
    names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    usage = x509.KeyUsage(True, False, True, False, False, False, False, False, False)
    return (
        x509.CertificateBuilder()
        .subject_name(request.subject)
        .issuer_name(root.subject)
        .public_key(request.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=20))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(names.value, critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()),
            critical=False,
        )
        .sign(root_key, hashes.SHA256())
    ).public_bytes(serialization.Encoding.PEM)


def pem_of(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)


def certificates_and_nodes():
    local = Node.objects.get(is_local=True)
    for purpose in Purpose.own():
        active = local.certificates.active().for_purpose(purpose).get()
        generate(
            local,
            purpose,
            key=KeyChoice.EC_P256,
            replacing=active.fingerprint,
            actor=ACTOR,
            now=NOW,
        )
    save_node(Node(), host_name="ccx2.example.com", addresses=["192.0.2.11"], actor=ACTOR)
    person = User.objects.create_user("auditor", password=None, is_staff=True)
    person.groups.set([Group.objects.get(name="Auditor")])


def requests():
    from certificates.models import SigningRequest
    from certificates.operations import cancel_request, examine, install_upload, request_certificate

    local = Node.objects.get(is_local=True)
    key, root = authority("Fixture Root")

    def upload(purpose, data):
        seen = examine(local, purpose, data, now=NOW)
        confirmed = ["confirm.warnings"]
        done = {"shown": seen.shown, "confirmed": confirmed, "actor": ACTOR, "now": NOW}
        install_upload(local, purpose, data, **done)

    upload(Purpose.TOMCAT_TRUST, pem_of(root))
    upload(Purpose.IPSEC_TRUST, pem_of(authority("Other Root")[1]))
    request_certificate(local, Purpose.TOMCAT, key=KeyChoice.RSA_2048, actor=ACTOR, now=NOW)
    made = SigningRequest.objects.get(state="pending")
    upload(Purpose.TOMCAT, answer(made.pem, key, root))
    request_certificate(local, Purpose.IPSEC, key=KeyChoice.RSA_2048, actor=ACTOR, now=NOW)
    cancel_request(SigningRequest.objects.get(state="pending"), actor=ACTOR, now=NOW)
    request_certificate(local, Purpose.IPSEC, key=KeyChoice.RSA_2048, actor=ACTOR, now=NOW)


def backups():
    from certificates.operations import set_backups
    from certificates.operations.backup.schedule import Choice

    # A folder that every machine has: the audit log keeps its name for good.
    choice = Choice("passphrase", passphrase="a long enough passphrase 1", folder="/usr")
    set_backups(choice, actor=ACTOR)


def monitor():
    from certificates.models import MonitorSettings
    from certificates.operations import configure_monitor
    from certificates.operations.monitoring import MonitorChange
    from certificates.operations.monitoring.run import run_monitor

    change = MonitorChange(
        start_days=30,
        frequency=7,
        frequency_unit="days",
        email_enabled=True,
        addresses="ops@example.com",
        smtp_host="127.0.0.1",
        smtp_port=9,
        smtp_security="none",
        smtp_sender="ccxsec@example.com",
    )
    configure_monitor(change, actor=ACTOR, now=NOW)
    assert MonitorSettings.objects.get().email_enabled
    run_monitor(now=NOW)


def policies():
    from ipsec.operations import add_policy
    from ipsec.policy.definition import Definition

    for number, is_enabled in ((2, True), (3, False)):
        definition = Definition(
            group="fixture",
            name=f"peer-{number}",
            source_address="192.0.2.10",
            destination_address=f"192.0.2.{number}",
        )
        add_policy(
            definition,
            preshared_key="of-the-fixture-1",
            enabled=is_enabled,
            confirmed={"confirm.legacy", "confirm.overlap"},
            actor=ACTOR,
        )


def exchange():
    from bulk.models import SERVER_SECRET, Cluster, ExchangeServer
    from certificates.models import Secret

    ExchangeServer.objects.create(
        host="sftp.example.com",
        user="ccx",
        directory="/exchange",
        host_key="ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA==",
        saved_at=NOW,
        numbers={"tomcat": 3},
    )
    Secret.objects.keep(SERVER_SECRET, json.dumps({"password": "of-the-fixture"}).encode())
    Cluster.objects.create(
        cluster_id="00000000-0000-4000-8000-000000000001",
        name="South",
        keys={"tomcat": "SHA256:" + "A" * 43},
        confirmed_at=NOW,
        confirmed_by="fixture",
    )


def facts(made):
    rows = Certificate.objects.order_by("pk").values_list("purpose", "fingerprint", "state")
    return {
        "made": made,
        "certificates": [list(row) for row in rows],
        "nodes": list(Node.objects.order_by("pk").values_list("host_name", flat=True)),
        "events": Event.objects.count(),
    }


def main():
    made = []
    parts = (certificates_and_nodes, requests, backups, monitor, policies, exchange)
    for part in parts:
        try:
            part()
        except (ImportError, AttributeError) as error:
            print(f"{part.__name__}: not in this version ({error})")
            continue
        made.append(part.__name__)
    for pk in Job.objects.filter(state="queued").order_by("pk").values_list("pk", flat=True):
        jobs.run(pk)
    (DATA / "facts.json").write_text(json.dumps(facts(made), indent=1))
    print(f"made: {', '.join(made)}; {len(operations.__all__)} operations")


main()
