"""The export as our own JSON (docs/ipsec-export-format.md): what another ccxsec imports."""

import json
from dataclasses import fields
from datetime import UTC

from ipsec.exchange.mirror import Mirror
from ipsec.policy.definition import Definition

FORMAT, VERSION = "ccxsec-ipsec-policies", 1
TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
FIELDS = tuple(field.name for field in fields(Definition))


def document(mirror: Mirror) -> bytes:
    """UTF-8, LF, one field a line; every field of every policy, so that no default is needed."""
    names = ", ".join(str(policy) for policy in mirror.policies)
    content = {
        "format": FORMAT,
        "version": VERSION,
        "about": (
            f"IPsec policies for the host {mirror.peer}, the counterparts of those of "
            f"{mirror.made_by}: {names}. Import them there. Put in by hand: the pre-shared key, "
            "which is not in this file, or the certificates."
        ),
        "made_by": mirror.made_by,
        "made_at": mirror.made_at.astimezone(UTC).strftime(TIME_FORMAT),
        "policies": [
            {name: getattr(policy, name) for name in FIELDS} for policy in mirror.policies
        ],
    }
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()
