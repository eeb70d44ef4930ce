"""Who signed an archive: listed in its manifest, with a certificate and a signature behind it.

The manifest lists all that sign, so no signature can be taken away unseen. The certificates only
carry the keys: neither their dates nor their issuers are asked.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding

from bulk.exchange import limits
from bulk.exchange.fields import Fields
from bulk.exchange.identity import key_fingerprint
from bulk.exchange.names import SERVICES
from bulk.exchange.tar import TarReader, TarWriter
from bulk.exchange.unpacking import AGAIN
from certificates.refusal import Refused
from certificates.sentence import say
from certificates.x509.der import DerError
from certificates.x509.facts import public_key
from certificates.x509.loading import DECODING_ERRORS, load_what_is_readable, quietly
from certificates.x509.signing import Signer, is_signed, sign, weakness
from certificates.x509.uploads.pem_blocks import decoded, pem_blocks

_CHANGED = say(
    "It was changed after it was signed: have its cluster export again; then consolidate."
)
_STRONGER = say("Generate a stronger key in its cluster, restart the service, and export again.")


@dataclass(frozen=True, slots=True)
class ListedSigner:
    """What a manifest says of one: which files hold its certificate and its signature."""

    service: str
    file: str
    public_key_sha256: str  # as `key_fingerprint` writes it
    signature: str


def list_signers(signers: Sequence[Signer]) -> tuple[ListedSigner, ...]:
    """What the manifest will say.

    Raises:
        Refused: archive.signature. Nobody signs, a key is weak, or not that of its certificate.
    """
    _refuse_none(len(signers))
    found = []
    for signer in signers:
        key = signer.certificate.public_key()
        fingerprint = key_fingerprint(key)
        if key_fingerprint(signer.private_key.public_key()) != fingerprint:
            wrong = say(
                "The private key of {service} is not that of its certificate.",
                service=signer.service,
            )
            raise Refused("archive.signature", wrong, say("Look at it under Certificates."))
        _refuse_weakness(signer.service, key)
        found.append(_listed(signer.service, fingerprint))
    return tuple(found)


def read_listed(manifest: Fields) -> tuple[ListedSigner, ...]:
    """Raises `Refused` archive.manifest, archive.signature."""
    rows = manifest.rows("signers")
    _refuse_none(len(rows))
    found = []
    for row in rows[: len(SERVICES)]:
        service = row.one_of("service", SERVICES)
        signer = _listed(service, row.text("public_key_sha256"))
        row.exactly("file", signer.file)
        row.exactly("signature", signer.signature)
        found.append(signer)
    if len({signer.service for signer in found}) < len(rows):
        manifest.refuse("signers", say("one entry for each service at most"))
    return tuple(found)


def _listed(service: str, fingerprint: str) -> ListedSigner:
    return ListedSigner(service, f"signers/{service}.pem", fingerprint, f"signers/{service}.sig")


def as_json(signers: Sequence[ListedSigner]) -> list[dict[str, str]]:
    """As they stand in the manifest."""
    return [
        {
            "service": signer.service,
            "file": signer.file,
            "public_key_sha256": signer.public_key_sha256,
            "signature": signer.signature,
        }
        for signer in signers
    ]


def _refuse_none(count: int) -> None:
    if not count:
        wrong = say("No key signs the archive.")
        raise Refused("archive.signature", wrong, say("A key of tomcat or ipsec must sign it."))


def write_signatures(tar: TarWriter, signers: Sequence[Signer], manifest: bytes) -> None:
    """Behind the manifest: a certificate and a signature for each key."""
    for signer in signers:
        entry = _listed(signer.service, "")
        tar.add(entry.file, signer.certificate.public_bytes(Encoding.PEM))
        tar.add(entry.signature, sign(signer.private_key, manifest))


def read_signatures(
    tar: TarReader, signers: Sequence[ListedSigner], manifest: bytes
) -> dict[str, str]:
    """The fingerprint of each service's key, once all signatures are right.

    Raises:
        Refused: archive.signature, and what the reader of the archive refuses.
    """
    keys = {}
    for signer in signers:
        pem = _content(tar, signer.file, limits.ITEM)
        signature = _content(tar, signer.signature, limits.SIGNATURE)
        key = _key_of(signer, pem)
        if not is_signed(key, signature, manifest):
            wrong = say(
                "The signature by the key of {service} does not fit the manifest.",
                service=signer.service,
            )
            raise Refused("archive.signature", wrong, _CHANGED)
        keys[signer.service] = signer.public_key_sha256
    return keys


def _content(tar: TarReader, name: str, most: int) -> bytes:
    entry = tar.next()
    if entry is None or entry.name != name:
        wrong = say("The archive lacks {name} behind its manifest.", name=name)
        raise Refused("archive.signature", wrong, AGAIN)
    if entry.size > most:
        wrong = say(
            "{name} in the archive has {size} bytes; {most} are allowed.",
            name=name,
            size=f"{entry.size:,}",
            most=f"{most:,}",
        )
        raise Refused("archive.size", wrong, AGAIN)
    return tar.read(entry.size)


def _key_of(signer: ListedSigner, pem: bytes) -> PublicKeyTypes:
    found = pem_blocks(pem)
    try:
        if found is None or len(found.blocks) != 1:
            raise ValueError(f"{0 if found is None else len(found.blocks)} PEM blocks")
        with quietly:
            key = public_key(load_what_is_readable(decoded(found.blocks[0])).certificate)
    except (Refused, DerError, *DECODING_ERRORS):
        wrong = say(
            "{file} in the archive is no certificate with a key that can be read.", file=signer.file
        )
        raise Refused("archive.signature", wrong, AGAIN) from None
    if key_fingerprint(key) != signer.public_key_sha256:
        wrong = say(
            "The certificate in {file} has another key than the manifest says.", file=signer.file
        )
        raise Refused("archive.signature", wrong, _CHANGED)
    _refuse_weakness(signer.service, key)
    return key


def _refuse_weakness(service: str, key: PublicKeyTypes) -> None:
    why = weakness(key)
    if why:
        wrong = say("The key of {service} can't sign an exchange: {why}.", service=service, why=why)
        raise Refused("archive.signature", wrong, _STRONGER)
