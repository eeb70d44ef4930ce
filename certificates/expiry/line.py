"""A finding as one structured line, for syslog and the log (RFC 5424, 6.3.3 for the escapes)."""

from datetime import UTC, datetime

from certificates.expiry.digest import Found
from certificates.expiry.severity import days_left
from certificates.x509.visible import visible

_LONGEST = 200  # of a value: a datagram has to hold the line


def line_of(found: Found, at: datetime) -> str:
    """The three facts that operators filter on (file name, unit, type) come first."""
    values = {
        "file": found.file_name,
        "unit": found.unit,
        "type": found.type,
        "node": found.node,
        "cn": found.common_name,
        "severity": found.severity(at).value,
        "expires": f"{found.not_after.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "days_left": str(days_left(found.not_after, at)),
        "sha256": found.fingerprint,
    }
    pairs = (f'{name}="{_value(text)}"' for name, text in values.items())
    return f"certificate-expiry {' '.join(pairs)}"


def _value(text: str) -> str:
    shown = visible(text)[:_LONGEST]
    return shown.replace("\\", "\\\\").replace('"', '\\"').replace("]", "\\]")
