"""What the IKE daemon is to hold: the enabled policies, as connections with their credentials."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

from certificates.models import Certificate, Purpose
from certificates.models.certificate import CertificateQuerySet
from certificates.refusal import Refused
from certificates.sentence import say
from certificates.x509.facts import CertificateType
from ipsec.models import Policy
from ipsec.policy.choices import Authentication, PeerType
from ipsec.policy.definition import Definition
from ipsec.policy.terms import Connection, Credentials, connection, guard

TRUST_PLACE = say("Certificate Management, ipsec-trust")


@dataclass(frozen=True, slots=True)
class Wanted:
    """One connection, and the policies that are its children, by "group/name"."""

    connection: Connection
    policies: dict[str, Policy]


@dataclass(slots=True)
class Intent:
    """All that is to be in force, and why some of it can't be.

    `troubles`: policy, as "group/name" -> what stands in the way; its traffic is only held.
    """

    wanted: dict[str, Wanted] = field(default_factory=dict)
    troubles: dict[str, str] = field(default_factory=dict)


class Stores:
    """The certificates of this server that IKE uses; read when the first policy asks for them."""

    @cached_property
    def own(self) -> Certificate | None:
        return self._mine.active().for_purpose(Purpose.IPSEC).select_related("private_key").first()

    @cached_property
    def former(self) -> list[Certificate]:
        return list(self._mine.former().for_purpose(Purpose.IPSEC)[:20])

    @cached_property
    def trusted(self) -> dict[str, bytes]:
        """File name -> DER."""
        rows = self._mine.for_purpose(Purpose.IPSEC_TRUST).order_by("pk")
        return {row.file_name: bytes(row.der) for row in rows}

    @cached_property
    def authorities(self) -> list[bytes]:
        return [der for der in self.trusted.values() if _is_authority(der)]

    @cached_property
    def peers(self) -> list[bytes]:
        """Certificates of servers, trusted as they are: they vouch for nobody else."""
        authorities = set(self.authorities)
        return [der for der in self.trusted.values() if der not in authorities]

    @property
    def _mine(self) -> CertificateQuerySet:
        return Certificate.objects.filter(node__is_local=True)

    def credentials(self, definition: Definition) -> Credentials:
        """What a policy with certificates needs.

        A peer of the same type has its certificate from a CA where this server has, and else one
        of its own, which the store holds. The daemon can't be told "either": it takes a list of
        CAs and a list of certificates for two conditions that must both hold.

        Raises:
            Refused: policy.own-certificate, policy.peer-certificate, policy.no-trust.
        """
        if self.own is None:
            wrong = say("This server has no ipsec certificate.")
            raise Refused(
                "policy.own-certificate", wrong, say("Regenerate it under its purpose ipsec.")
            )
        own = bytes(self.own.der)
        if definition.peer_type is PeerType.DIFFERENT:
            return Credentials(certificate=own, peers=[self.named(definition.certificate_name)])
        if not self.trusted:
            wrong = say("The ipsec-trust store is empty: no peer's certificate could be checked.")
            cure = say(
                "Upload the peer's certificate, or its CA's, under {trust_place}.",
                trust_place=TRUST_PLACE,
            )
            raise Refused("policy.no-trust", wrong, cure)
        is_self_signed = self.own.type == CertificateType.SELF_SIGNED
        if self.peers and (is_self_signed or not self.authorities):
            return Credentials(certificate=own, peers=self.peers)
        return Credentials(certificate=own, authorities=self.authorities)

    def named(self, name: str) -> bytes:
        """The certificate of that file name in the `ipsec-trust` store, with or without .pem.

        Raises:
            Refused: policy.peer-certificate.
        """
        found = self.trusted.get(name) or self.trusted.get(f"{name}.pem")
        if found is None:
            wrong = say("There is no certificate {name} in the ipsec-trust store.", name=repr(name))
            cure = say(
                "Upload it under {trust_place}, or choose another one.", trust_place=TRUST_PLACE
            )
            raise Refused("policy.peer-certificate", wrong, cure)
        return found

    def key_identifiers(self) -> dict[str, Certificate]:
        """Public key of each own certificate, also of former ones, as the daemon calls it."""
        rows = [*self.former, *([self.own] if self.own else [])]
        return {key_identifier(_read(bytes(row.der)).public_key()): row for row in rows}


def key_identifier(key: CertificatePublicKeyTypes) -> str:
    """How the daemon calls a private key: SHA-1 of its public key's bits (RFC 5280, 4.2.1.2)."""
    return x509.SubjectKeyIdentifier.from_public_key(key).digest.hex()


def intent(policies: Iterable[Policy] | None = None, stores: Stores | None = None) -> Intent:
    """What is to be in force.

    Args:
        policies: enabled ones, all of each pair; None: all that are enabled.
    """
    rows = Policy.objects.enabled().in_list_order() if policies is None else policies
    pairs: dict[tuple[str, str], list[Policy]] = defaultdict(list)
    for row in rows:
        pairs[row.source_address, row.destination_address].append(row)
    result, stores = Intent(), stores or Stores()
    for members in pairs.values():
        definitions = [row.definition for row in members]
        try:
            made = connection(definitions, _credentials(members, definitions[0], stores))
        except Refused as refused:
            # Fail closed: an enabled policy's traffic never leaves in the clear.
            result.troubles |= {str(row): str(refused) for row in members}
            made = guard(definitions)
        result.wanted[made.name] = Wanted(made, {str(row): row for row in members})
    return result


def _credentials(members: Sequence[Policy], definition: Definition, stores: Stores) -> Credentials:
    if definition.authentication is Authentication.PRESHARED_KEY:
        return Credentials(key_mark=members[0].key_mark)
    return stores.credentials(definition)


def _read(der: bytes) -> x509.Certificate:
    return x509.load_der_x509_certificate(der)


def _is_authority(der: bytes) -> bool:
    """Whether it vouches for others: a CA's (RFC 5280, 4.2.1.9) that is no server's besides.

    Appliances sign their own certificates with the mark of a CA, and say what they serve for.
    """
    certificate = _read(der)
    try:
        extensions = certificate.extensions
        constraints = extensions.get_extension_for_class(x509.BasicConstraints).value
    except (ValueError, x509.ExtensionNotFound):
        return False
    is_of_server = any(isinstance(one.value, x509.ExtendedKeyUsage) for one in extensions)
    return constraints.ca and not (is_of_server and certificate.subject == certificate.issuer)
