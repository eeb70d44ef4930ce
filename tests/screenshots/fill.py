"""What the product of the pictures holds; called inside it."""

from django.contrib.auth.models import Group, User
from django.utils import timezone

from bulk.models import Cluster, Verdict
from certificates.access import shell
from certificates.models import Certificate, Endpoint, Node, Observed, Purpose
from certificates.operations import generate, save_node
from certificates.x509.facts import Facts, read_facts
from certificates.x509.keys import new_key
from certificates.x509.names import Subject
from certificates.x509.policy import KeyChoice
from certificates.x509.self_signed import self_signed
from ipsec.operations import add_policy
from ipsec.policy.choices import Protocol
from ipsec.policy.definition import Definition
from ipsec.policy.profiles import PROFILES, ProfileName
from tests.bulk import scenes

DESCRIPTION = "Trusted since the migration"
TRUSTED = (
    ("Example Root CA", 3000, KeyChoice.RSA_4096),
    ("Example Issuing CA 3", 400, KeyChoice.EC_P384),
    ("Gateway West", 21, KeyChoice.RSA_2048),
    ("Gateway East", 4, KeyChoice.RSA_1024),
)


def cluster() -> None:
    """A second node, two trust stores that differ, and people."""
    now, actor = timezone.now(), shell()
    other = save_node(Node(), host_name="ccx2.example.com", addresses=["192.0.2.11"], actor=actor)
    for purpose in (Purpose.TOMCAT, Purpose.IPSEC):
        generate(other, purpose, replacing="", actor=actor, now=now)
    made = [_self_signed(*each) for each in TRUSTED]
    for node, facts in ((Node.objects.local(), made), (other, made[:2])):
        Certificate.objects.create_trust(node, Purpose.TOMCAT_TRUST, facts, DESCRIPTION)
    for name, group in (
        ("anna", "Security administrator"),
        ("ben", "Operator"),
        ("carla", "Auditor"),
    ):
        User.objects.create_user(name, f"{name}@example.com", is_staff=True).groups.add(
            Group.objects.get(name=group)
        )


def _self_signed(name: str, days: int, choice: KeyChoice) -> Facts:
    subject = Subject(name, organization="Example").to_x509()
    now = timezone.now()
    return read_facts(self_signed(new_key(choice), subject=subject, names=[], days=days, now=now))


def discovery() -> None:
    """What four addresses served at the last look: ours, an older one, another, and nothing."""
    now, local = timezone.now(), Node.objects.local()
    other = Node.objects.get(is_local=False)
    tomcat = Certificate.objects.active().get(node=local, purpose=Purpose.TOMCAT)
    theirs = _self_signed("balancer.example.com", 12, KeyChoice.RSA_2048)
    for node, port, fingerprint, error in (
        (local, 8443, tomcat.fingerprint, ""),
        (other, 8443, theirs.fingerprint, ""),
        (other, 8445, "", "Nobody listens there."),
    ):
        row = Endpoint.objects.create(node=node, port=port, service="tomcat", added_by="admin")
        Endpoint.objects.filter(pk=row.pk).update(
            probed_at=now, served_at=None if error else now, fingerprint=fingerprint, error=error
        )
        if fingerprint == theirs.fingerprint:
            Observed.objects.create_from(row, theirs, is_leaf=True, now=now)


def exchange() -> None:
    """Three clusters at the SFTP server."""
    scenes.everything()
    east = Cluster.objects.get()
    noted = {"pk": east.pk, "service": "tomcat", "number": 13, "keys": east.keys}
    added = (Verdict.NEW, Verdict.NEW, Verdict.RENEWED)
    others = (Verdict.PRESENT, Verdict.EXPIRED, Verdict.REFUSED)
    scenes.plan(east, *added, *others, clusters=[noted | {"made_at": scenes.MADE.isoformat()}])


def policies() -> None:
    """Some of each profile, one of them disabled."""
    _policy("Cluster", "all-of-ccx2", "192.0.2.2")
    _policy("Desktops", "finesse", "192.0.2.30", protocol=Protocol.TCP, destination_port=8443)
    fips = {"protocol": Protocol.TCP, "destination_port": 8444}
    _policy("Desktops", "reports", "192.0.2.31", "fips", **fips)
    _policy("Gateways", "west", "192.0.2.40", "unified-ccx", protocol=Protocol.UDP)
    _policy("Recording", "recorder", "recorder.example", enabled=False)


def _policy(
    group: str,
    name: str,
    destination: str,
    profile: str = "modern",
    *,
    enabled: bool = True,
    **fields: object,
) -> None:
    chosen = PROFILES[ProfileName(profile)].fields | fields
    hosts = {"source_address": "192.0.2.1", "destination_address": destination}
    add_policy(
        Definition(group=group, name=name, **hosts, **chosen),
        preshared_key="an-example-of-a-key",
        enabled=enabled,
        confirmed=["confirm.legacy"],
        actor=shell(),
    )
