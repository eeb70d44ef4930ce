"""The fields of the original's API, spelled as scripts send and read them."""

from typing import Annotated, Any

from ninja import Field, Schema
from pydantic import BeforeValidator

from ccxsec_project.api.fields import Text
from certificates.models import Purpose, Service
from certificates.refusal import Refused
from certificates.x509.csr import RequestHash
from certificates.x509.names import MAXIMUM_NAMES
from certificates.x509.policy import KeyChoice
from certificates.x509.uploads.limits import CHAIN_BYTES
from certificates.x509.visible import visible

MOST = 200  # certificates of one request
Pem = Annotated[str, Field(max_length=CHAIN_BYTES)]
MULTI_SERVER = "multi-server"


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Services = Annotated[list[Text], BeforeValidator(_as_list), Field(min_length=1, max_length=10)]


class CsrIn(Schema):
    """`keyType`, `keyLength` and `hashAlgorithm` as the original names them."""

    service: Text
    distribution: Text = "this-server"
    commonName: Text = ""  # noqa: N815 - the original's name
    keyType: Text = "rsa"  # noqa: N815
    keyLength: int = Field(3072, ge=1, le=10**6)  # noqa: N815
    hashAlgorithm: Text = "sha256"  # noqa: N815
    altNames: list[Text] = Field([], max_length=MAXIMUM_NAMES)  # noqa: N815

    def key(self) -> KeyChoice:
        """Raises `Refused` key.size."""
        try:
            return KeyChoice(f"{self.keyType.lower()}-{self.keyLength}")
        except ValueError:
            wrong = f"No key {visible(self.keyType)[:20]} of {self.keyLength} bits can be made."
            raise Refused("key.size", wrong, "Choose rsa and 2048, 3072 or 4096.") from None

    def hash(self) -> RequestHash:
        """Raises `Refused` request.hash."""
        try:
            return RequestHash(self.hashAlgorithm.upper().replace("-", ""))
        except ValueError:
            wrong = f"A request can't be signed with {visible(self.hashAlgorithm)[:20]}."
            raise Refused("request.hash", wrong, "Choose sha256, sha384 or sha512.") from None


class IdentityIn(Schema):
    """The identity's certificate, and if wanted those that lead to its root."""

    service: Text
    certificates: list[Pem] = Field(min_length=1, max_length=MOST)


class TrustIn(Schema):
    """Certificates for the trust stores of one service or several."""

    service: Services
    certificates: list[Pem] = Field(min_length=1, max_length=MOST)
    description: Text = ""


class TrustOut(Schema):
    """Which certificates leave the trust stores: by their PEM, or by their file names."""

    service: Services
    certificates: list[Pem] = Field([], max_length=MOST)
    filenames: list[Text] = Field([], max_length=MOST)


def own_purpose(service: str) -> Purpose:
    """Raises `Refused` purpose.unknown, purpose.wrong, purpose.directory."""
    return Purpose.own_named(service)


def trust_store(service: str) -> Purpose:
    """The trust store of a service, named with or without `-trust`. Raises what `named` raises."""
    return Purpose.named(f"{service.removesuffix('-trust')}-trust")


def services_asked(service: str) -> list[Service]:
    """One, or every one where none is named. Raises what `Purpose.named` raises."""
    return [Purpose.named(service).service] if service else list(Service)
