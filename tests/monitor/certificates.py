"""Rows of certificates that expire at a moment: what the monitor reads of them is in columns."""

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from certificates.models import Certificate, Node, Purpose


def trusted(node: Node, ends: Sequence[datetime], **columns: Any) -> list[Certificate]:
    """Certificates in the trust store of tomcat; one for each of `ends`."""
    rows = []
    for number, end in enumerate(ends):
        name = columns.get("common_name", f"CA {number}")
        values: dict[str, Any] = {
            "node": node,
            "purpose": Purpose.TOMCAT_TRUST.value,
            "is_own": False,
            "file_name": f"CA_{number}.pem",
            "der": b"",
            "common_name": name,
            "subject": f"CN={name}",
            "issuer": "CN=Root",
            "issuer_common_name": "Root",
            "serial_number": "1",
            "not_after": end,
            "type": "ca-signed",
            "key_type": "EC",
            "key_bits": 256,
            "key_label": "EC P-256",
            "signature_algorithm": "ECDSA",
            "fingerprint": secrets.token_hex(32),
            "fingerprint_sha1": secrets.token_hex(20),
        }
        rows.append(Certificate(**values | columns))
    return Certificate.objects.bulk_create(rows)
