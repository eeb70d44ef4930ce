"""Who a cluster is: an identifier that never changes, names for people, and keys that sign."""

from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


@dataclass(frozen=True, slots=True)
class ClusterIdentity:
    """As the cluster says itself: a foreign one is believed only where a pinned key signed it.

    `cluster_id`: a UUID in lower case; `nodes`: host names.
    """

    cluster_id: str
    name: str
    nodes: tuple[str, ...]


def key_fingerprint(public_key: PublicKeyTypes) -> str:
    """SHA-256 of the SubjectPublicKeyInfo, written as `ssh-keygen -l` writes one: "SHA256:…"."""
    info = public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return "SHA256:" + b64encode(sha256(info).digest()).decode().rstrip("=")
