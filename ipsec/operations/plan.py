"""What `apply` would do, and what it would put into the daemon, as a swanctl.conf (IP-7).

Nothing is changed, and no secret is unsealed: each is shown as a placeholder.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from ipsec.operations.difference import missing_of, outdated_of, superfluous_of
from ipsec.operations.wanted import Intent, Stores, Wanted, intent
from ipsec.policy.swanctl_text import MASKED, comment, swanctl_text
from ipsec.strongswan import Daemon, DaemonError

OWN_CERTIFICATE = "ipsec.pem"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be in force, and what would be ordered for it, by the names in the daemon.

    Args:
        configuration: all that is enabled, as a swanctl.conf with its secrets masked.
        troubles: policy -> why it can't be put in force.
        silence: why the daemon did not answer; then nothing is known of what it would be told.
    """

    configuration: str
    troubles: dict[str, str]
    load: list[str] = field(default_factory=list)
    unload: list[str] = field(default_factory=list)
    terminate: list[str] = field(default_factory=list)
    silence: str = ""


def planned() -> Plan:
    """What `apply` would do now."""
    stores = Stores()
    intended = intent(stores=stores)
    configuration = _configuration(intended, stores)
    try:
        with Daemon.open() as daemon:
            loaded, associations = daemon.connections(), daemon.associations()
    except DaemonError as error:
        return Plan(configuration, intended.troubles, silence=str(error))
    return Plan(
        configuration=configuration,
        troubles=intended.troubles,
        load=[one.connection.name for one in missing_of(intended.wanted, loaded)],
        unload=superfluous_of(intended.wanted, loaded),
        terminate=[name for name, _ in outdated_of(intended.wanted, associations)],
    )


def _configuration(intended: Intent, stores: Stores) -> str:
    """The connections and secrets; a certificate by its file in /etc/swanctl/x509 or x509ca."""
    wanted = intended.wanted.values()
    has_own = any(not one.connection.key_name for one in wanted) and stores.own is not None
    names: dict[bytes, str] = {}
    if has_own and stores.own:
        names = {der: name for name, der in stores.trusted.items()}
        names[bytes(stores.own.der)] = OWN_CERTIFICATE
    told = [f"{policy} is left out: {why}" for policy, why in sorted(intended.troubles.items())]
    told += [f"{name} is the certificate {sha256(der).hexdigest()}" for der, name in names.items()]
    sections = {
        "connections": {one.connection.name: _named(one.connection.body, names) for one in wanted},
        "secrets": dict(_secrets(wanted)),
    }
    return comment("\n".join(told)) + swanctl_text(sections)


def _secrets(wanted: Iterable[Wanted]) -> Iterable[tuple[str, dict[str, str]]]:
    for number, one in enumerate((one for one in wanted if one.connection.key_name), 1):
        owners = {f"id-{place}": owner for place, owner in enumerate(one.connection.owners, 1)}
        yield f"ike-{number}", {**owners, "secret": MASKED}


def _named(section: Mapping[str, Any], names: Mapping[bytes, str]) -> dict[str, Any]:
    """A section with the file name of each certificate in the place of its bytes."""
    return {
        key: _named(value, names)
        if isinstance(value, Mapping)
        else value
        if isinstance(value, str)
        else [names[one] if isinstance(one, bytes) else one for one in value]
        for key, value in section.items()
    }
