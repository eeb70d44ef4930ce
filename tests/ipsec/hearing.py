"""A made-up daemon and kernel that hold one policy: what the verdicts are tried on."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from ipsec.associations import Association, Child, Loaded, Trap
from ipsec.kernel import KernelPolicy
from ipsec.policy.terms import Credentials, connection
from ipsec.standing import Heard, Intended, LastFailure
from tests.ipsec.definitions import WEB

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
MADE = connection([WEB], Credentials(key_mark="00"))
NAME, CHILD = MADE.name, MADE.children[str(WEB)]
HOSTS = ("10.0.0.1/32", "10.0.0.2/32")
LOADED = {NAME: Loaded(NAME, "IKEv2", ("10.0.0.1",), ("10.0.0.2",), frozenset([CHILD]))}
TRAP = Trap(NAME, CHILD, (f"{HOSTS[0]}[tcp]",), (f"{HOSTS[1]}[tcp/https]",))
OUT = KernelPolicy("out", *HOSTS, "tcp", 0, 443, False, True, "transport")
BACK = KernelPolicy("in", *HOSTS[::-1], "tcp", 443, 0, False, True, "transport")
KEYS = frozenset([("10.0.0.1", "10.0.0.2"), ("10.0.0.2", "10.0.0.1")])
# Of somebody else: everything to that network passes as it is.
PASS = KernelPolicy("out", "0.0.0.0/0", "10.0.0.0/16", "", 0, 0, False, False, "", priority=8)
INTENDED = Intended(
    definition=WEB,
    is_enabled=True,
    connection=NAME,
    child=CHILD,
    trouble="",
    changed_at=NOW - timedelta(minutes=1),
    failure=None,
)
FAILURE = LastFailure(NOW, "The peer refused the proposal.", "Set both alike.", "esp")


def child(**differences: Any) -> Child:
    """What was negotiated for `WEB` as it is configured."""
    whole = Child(
        name=CHILD,
        unique_id="7",
        state="INSTALLED",
        mode="TRANSPORT",
        encryption="AES_GCM_16",
        key_size=256,
        integrity="",
        dh_group="",
        local_selectors=(f"{HOSTS[0]}[tcp]",),
        remote_selectors=(f"{HOSTS[1]}[tcp/https]",),
        spi_in="c1",
        spi_out="c2",
        bytes_in=1,
        bytes_out=2,
        packets_in=3,
        packets_out=4,
        installed_at=NOW,
        rekeys_at=None,
        expires_at=None,
    )
    return replace(whole, **differences)


def association(*children: Child, **differences: Any) -> Association:
    whole = Association(
        connection=NAME,
        unique_id="3",
        version=2,
        state="ESTABLISHED",
        local_host="10.0.0.1",
        remote_host="10.0.0.2",
        remote_identity="10.0.0.2",
        encryption="AES_GCM_16",
        key_size=256,
        integrity="",
        pseudo_random="PRF_HMAC_SHA2_384",
        dh_group="ECP_384",
        established_at=NOW,
        rekeys_at=None,
        children=children,
    )
    return replace(whole, **differences)


def heard(**differences: Any) -> Heard:
    """A daemon that holds `WEB`, a kernel that holds its traffic, and nothing negotiated."""
    whole: dict[str, Any] = {
        "connections": LOADED,
        "traps": [TRAP],
        "kernel": [OUT, BACK],
        "keys": KEYS,
    }
    return Heard(at=NOW, **(whole | differences))


UP = association(child())
ORPHAN = replace(INTENDED, is_enabled=False, connection="", child="")
