"""Rows of the Certificate List by the dozen: of one certificate, and different in what is found."""

from typing import Any

from django.utils import timezone

from certificates.models import Certificate, Node, Purpose
from certificates.models.certificate import columns
from certificates.x509.facts import read_facts
from certificates.x509.keys import new_key
from certificates.x509.names import Subject, alternative_names
from certificates.x509.policy import KeyChoice
from certificates.x509.self_signed import self_signed
from certificates.x509.visible import visible


def pattern() -> dict[str, Any]:
    """What all of them have in common."""
    der = self_signed(
        new_key(KeyChoice.EC_P256),
        subject=Subject("pattern").to_x509(),
        names=alternative_names(["pattern.example.com"]),
        days=100,
        now=timezone.now(),
    )
    return columns(read_facts(der))


def row(node: Node, pattern: dict[str, Any], number: int, name: str) -> Certificate:
    shown = visible(name)
    varied = {
        "common_name": shown[:255],
        "subject": f"CN={shown},O=Lab",
        "subject_alternative_names": shown,
        "fingerprint": f"{number * 7919:064x}",
        "fingerprint_sha1": f"{number * 104729:040x}",
        "serial_number": f"{number * 6700417:x}",
    }
    return Certificate(
        node=node,
        purpose=Purpose.TOMCAT_TRUST.value,
        is_own=False,
        file_name=f"{number}.pem",
        description=shown[:200],
        created_at=timezone.now(),
        **pattern | varied,
    )
