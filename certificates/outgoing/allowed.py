"""Where the product may connect to, and to which address: the one policy.

What is looked at (Discovery, restarts) must be of the cluster, or on a list. Mail servers,
webhooks, log servers and servers over SSH may be anywhere (`anywhere`), or, where the operator
wrote a list, only there. None of them may be where nobody may ask (`addresses.NEVER`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from django.conf import settings

from certificates.outgoing.addresses import LOOPBACK, NEVER, Address, Network, faces, look_up
from certificates.refusal import Refused
from certificates.sentence import say
from certificates.x509.visible import visible

PROBES, OTHERS = "CCXSEC_PROBE_ALLOWED", "CCXSEC_OUTGOING_ALLOWED"


class ForbiddenAddressError(OSError):
    """The name leads to an address that this product does not connect to; the text says why."""


class UnknownHostError(Exception):
    """A name has no address; the text says why."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a connection may go: addresses that were judged, in the order to try them."""

    addresses: tuple[str, ...]
    port: int


@dataclass(frozen=True, slots=True)
class Allowed:
    """Networks, and host names in small letters; loopback needs no entry where `is_near`.

    `listed`: networks that the operator wrote down. One of `NEVER` yields to itself or a part of
    itself there, not to a larger one: who allows everything does not mean these.
    `is_open`: every address that is not of `NEVER`. `setting`: where an operator may add one.
    """

    networks: tuple[Network, ...] = ()
    names: frozenset[str] = frozenset()
    listed: tuple[Network, ...] = ()
    is_near: bool = True
    is_open: bool = False
    setting: str = PROBES

    @classmethod
    def of(cls, entries: Iterable[str], *, own: Iterable[str] = ()) -> "Allowed":
        """`entries` of the setting, and `own` names and addresses of the cluster.

        Raises:
            ValueError: one of `entries` is neither address, network nor host name.
        """
        listed, names = _parted(entries)
        own_networks, own_names = _parted(own)
        return cls((*listed, *own_networks), names | own_names, listed)

    def place(self, host: str, port: int) -> Place:
        """As `judged`, with a sentence for the operator.

        Raises:
            Refused: probe.address.
            UnknownHostError: it has no address.
        """
        try:
            return self.judged(host, port)
        except ForbiddenAddressError as error:
            cure = say(
                "Choose loopback or a node of the cluster, or add it to {setting} "
                "(docs/discovery.md).",
                setting=self.setting,
            )
            raise Refused(
                "probe.address", say("{error}: no connection is made to it.", error=error), cure
            ) from None
        except (OSError, UnicodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else say("it is no host name")
            shown = visible(host)[:100]
            wrong = say("{host} has no address: {reason}.", host=shown, reason=reason)
            raise UnknownHostError(wrong) from error

    def judged(self, host: str, port: int) -> Place:
        """Resolve `host`, and judge each of its addresses; one that may not be met refuses all.

        Raises:
            ForbiddenAddressError: one of its addresses may not be met.
            OSError, UnicodeError: it has no address, or is no host name.
        """
        addresses = look_up(host, port)
        self.judge(host, addresses)
        return Place(addresses, port)

    def judge(self, host: str, addresses: Iterable[str]) -> None:
        """Each of the `addresses` that `host` leads to.

        Raises:
            ForbiddenAddressError: one of them may not be met.
        """
        by_name = host.lower().rstrip(".") in self.names
        for text in addresses:
            address = ip_address(text)
            why = self._objection(address, by_name=by_name)
            if why:
                shown = repr(visible(host)[:100])
                wrong = say("{host} is {why}", host=shown, why=why)
                if str(address) != host:
                    wrong = say(
                        "{host} leads to {address}, which is {why}",
                        host=shown,
                        address=address,
                        why=why,
                    )
                raise ForbiddenAddressError(wrong)

    def _objection(self, address: Address, *, by_name: bool) -> str:
        """Why it may not be met; "" if it may."""
        found = faces(address)
        for face in found:
            for network, why in NEVER.items():
                if face in network and not self._lists(face, network):
                    return why
        near = LOOPBACK if self.is_near else ()
        is_listed = any(found[0] in network for network in (*near, *self.networks))
        if by_name or is_listed or self.is_open:
            return ""
        if self.is_near:
            return say("not an address of this cluster")
        return say("not listed in {setting}", setting=self.setting)

    def _lists(self, address: Address, never: Network) -> bool:
        """Whether the operator wrote down `never` itself or a part of it, with that address."""
        return any(
            address in network
            and network.prefixlen >= never.prefixlen
            and network.version == never.version
            for network in self.listed
        )


def anywhere() -> Allowed:
    """For mail, webhooks, log servers and SSH: open, or what the operator's list says alone."""
    entries = settings.CCXSEC_OUTGOING_ALLOWED
    listed, names = _parted(entries)
    return Allowed(listed, names, listed, is_near=False, is_open=not entries, setting=OTHERS)


def _parted(entries: Iterable[str]) -> tuple[tuple[Network, ...], frozenset[str]]:
    networks: list[Network] = []
    names: set[str] = set()
    for entry in entries:
        text = entry.strip().lower().rstrip(".")
        if not text:
            continue
        try:
            networks.append(ip_network(text))
        except ValueError:
            labels = text.split(".")
            if "/" in text or ":" in text or labels[-1].isdigit() or not all(labels):
                raise ValueError(f"{entry!r} is no address, network or host name") from None
            names.add(text)
    return tuple(networks), frozenset(names)
