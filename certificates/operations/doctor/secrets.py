"""Every sealed value opens under a master key that is there, and what is needed is there."""

import json
from collections.abc import Iterator

from certificates.models import (
    BackupLock,
    BackupSettings,
    Deployment,
    MonitorSettings,
    Node,
    Secret,
)
from certificates.models.monitor import SMTP_PASSWORD
from certificates.models.node import Reach
from certificates.operations.backup.schedule import PASSPHRASE
from certificates.operations.doctor.finding import Asked
from certificates.refusal import Finding
from certificates.secrets import SealError, key_ring

ALWAYS = ("audit", "store-manifest")


def secret_problems(_: Asked) -> Iterator[Finding]:
    """Open each one; nothing of it is kept or shown."""
    key_ring()  # without master keys one sentence says all
    names = set()
    for row in Secret.objects.order_by("name").iterator(chunk_size=500):
        names.add(row.name)
        try:
            row.unseal()
        except SealError as error:
            cure = "Put the backup of the master keys back, or enter the secret again."
            yield Finding("secret.sealed", f"The secret {row.name} does not open: {error}", cure)
    for name, whose, cure in _needed():
        if name not in names:
            yield Finding("secret.missing", f"The secret {name} ({whose}) is not there.", cure)


def _needed() -> Iterator[tuple[str, str, str]]:
    """Name, whose it is, and how it comes back."""
    backup = "Put a backup of the database back."
    if Deployment.objects.filter(in_force__gt=0).exists():
        yield from ((name, "of the product itself", backup) for name in ALWAYS)
    local = Deployment.objects.filter(node__is_local=True, in_force__gt=0)
    for pk in local.values_list("pk", flat=True):
        yield f"key-store-{pk}", "password of a key store", "Deploy again: ./ccxsec cert deploy."
    for node in Node.objects.filter(reach=Reach.SSH).exclude(host_key=""):
        yield node.ssh_secret, f"how {node} is reached", "Enter it on the page of the node."
    monitor = MonitorSettings.objects.current()
    if monitor.smtp_host and monitor.smtp_user:
        yield SMTP_PASSWORD, "of the mail server", "Enter it under Certificate Monitor."
    if BackupSettings.objects.current().locked_by == BackupLock.PASSPHRASE:
        yield PASSPHRASE, "of the backups", "Enter it on the page Backup."


def read_json(name: str) -> dict[str, str] | None:
    """A secret of several parts; None where there is none, or it is no such thing."""
    plain = Secret.objects.plain(name)
    try:
        found = json.loads(plain) if plain else None
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
