"""This installation, saved against a real SFTP server, and other clusters that export there."""

import io
import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from django.utils import timezone

from bulk.exchange.export import Item, ItemRole, write_export
from bulk.exchange.identity import ClusterIdentity, key_fingerprint
from bulk.exchange.names import export_name
from bulk.models import Cluster, ExchangeServer
from bulk.operations import confirm_cluster, request_survey, save_server
from certificates import jobs
from certificates.access import Actor
from certificates.models import Job, JobState
from certificates.refusal import Finding
from certificates.x509.signing import Signer
from tests.bulk.transferring import Exchange

NAME = "North"  # as this cluster calls itself


@dataclass(frozen=True)
class Identity:
    """The certificate of a server of another cluster, valid at the time of the test."""

    host: str
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    begins: timedelta = timedelta(days=-1)
    days: int = 365

    def certificate(self) -> x509.Certificate:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.host)])
        begin = timezone.now() + self.begins
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(begin + timedelta(days=self.days))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(self.host)]), critical=False)
            .sign(self.key, hashes.SHA256())
        )


@dataclass
class Foreign:
    """Another cluster with one node: what it exports, and the key that it signs with."""

    name: str
    host: str
    cluster_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    certificates: list[x509.Certificate] = field(default_factory=list)
    signer: Signer = field(init=False)

    def __post_init__(self) -> None:
        own = Identity(self.host)
        certificate = own.certificate()
        self.signer = Signer("tomcat", certificate, own.key)
        self.certificates = self.certificates or [certificate]

    @property
    def fingerprint(self) -> str:
        """What its operator reads out to ours."""
        return key_fingerprint(self.signer.private_key.public_key())

    def export(self, service: str = "tomcat", number: int = 1, **changes: Any) -> bytes:
        target = io.BytesIO()
        values: dict[str, Any] = {
            "cluster": ClusterIdentity(self.cluster_id, self.name, (self.host,)),
            "service": service,
            "number": number,
            "made_at": timezone.now(),
            "items": [self._item(one) for one in self.certificates],
            "signers": [self.signer],
            "product": "ccxsec 0.1.0",
        }
        write_export(target, **(values | changes))
        return target.getvalue()

    def _item(self, certificate: x509.Certificate) -> Item:
        pem = certificate.public_bytes(Encoding.PEM)
        return Item(pem, ItemRole.IDENTITY, (self.host,))


@dataclass
class Exchanging:
    """The server with its directory, and this installation, which may be saved against it."""

    place: Exchange
    actor: Actor

    def values(self, **changes: Any) -> dict[str, Any]:
        """What `save_server` needs; signed in by key, as a password needs root."""
        server = self.place.server
        values = {
            "host": "127.0.0.1",
            "port": server.port,
            "user": server.user,
            "directory": str(self.place.directory),
            "private_key": server.key,
            "host_key": server.fingerprint,
            "cluster_name": NAME,
        }
        return values | changes

    def save(self, **changes: Any) -> list[Finding]:
        return save_server(**self.values(**changes), actor=self.actor)

    @property
    def cluster_id(self) -> str:
        return str(ExchangeServer.objects.current().cluster_id)

    def publish(self, foreign: Foreign, service: str = "tomcat", number: int = 1) -> str:
        """As that cluster's own export does it; the file's name."""
        return self.put(
            export_name(service, foreign.cluster_id, number), foreign.export(service, number)
        )

    def put(self, name: str, content: bytes) -> str:
        path = self.place.directory / name
        path.write_bytes(content)
        self.place.give(path)
        return name

    def content(self) -> dict[str, bytes]:
        """Every file of the directory."""
        return {name: (self.place.directory / name).read_bytes() for name in self.place.names}

    def look(self) -> None:
        done(request_survey(actor=self.actor))

    def confirm(self, foreign: Foreign) -> Cluster:
        return confirm_cluster(
            foreign.cluster_id, fingerprint=foreign.fingerprint, actor=self.actor
        )


def done(job: Job) -> str:
    """Work a job off; the sentence that ended it, which must be a good one."""
    ended = jobs.run(job.pk) or Job.objects.get(pk=job.pk)
    assert ended.state == JobState.DONE, ended.messages
    return str(ended.messages[-1])
