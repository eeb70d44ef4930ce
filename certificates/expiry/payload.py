"""The digest as JSON for a webhook, and its signature (HMAC-SHA256, RFC 2104)."""

import hashlib
import hmac
import json
from datetime import UTC, datetime

from certificates.expiry.digest import Digest, Found, subject_of
from certificates.expiry.severity import days_left
from certificates.x509.visible import visible

SIGNATURE, TIMESTAMP, DELIVERY = "X-Ccxsec-Signature", "X-Ccxsec-Timestamp", "X-Ccxsec-Delivery"


def digest_payload(digest: Digest, *, message_id: str) -> bytes:
    """The same arguments give the same bytes."""
    body = {
        "event": "certificate-expiry",
        "id": message_id,
        "at": _utc(digest.at),
        "subject": subject_of(digest),
        "counts": {kind.value: count for kind, count in digest.counts.items()},
        "shown": len(digest.top),
        "total": digest.total,
        "certificates": [_finding(found, digest.at) for found in digest.top],
    }
    return json.dumps(body, ensure_ascii=True).encode()


def signed(body: bytes, key: bytes, *, message_id: str, at: datetime) -> dict[str, str]:
    """Headers by which the receiver knows who sent it, and that it is fresh.

    The code is over the timestamp (seconds since 1970), a full stop, and the body.
    """
    timestamp = str(int(at.timestamp()))
    code = hmac.new(key, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {
        "Content-Type": "application/json",
        DELIVERY: message_id,
        TIMESTAMP: timestamp,
        SIGNATURE: f"sha256={code}",
    }


def _finding(found: Found, at: datetime) -> dict[str, str | int]:
    return {
        "severity": found.severity(at).value,
        "expires": _utc(found.not_after),
        "days_left": days_left(found.not_after, at),
        "node": visible(found.node),
        "unit": found.unit,
        "type": found.type,
        "file_name": visible(found.file_name),
        "common_name": visible(found.common_name),
        "fingerprint": found.fingerprint,
        "link": found.link,
    }


def _utc(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
