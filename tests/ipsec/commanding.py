"""Runs `./ccxsec ipsec` inside the test's process."""

from tests.commanding import Commanding
from tests.ipsec.conftest import HERE, THERE

HOSTS = ["--source", HERE, "--destination", THERE]
NEW = ["add", "web/b", "--source", HERE, "--destination", "192.0.2.9"]
KEYED = [*NEW, "--key-file", "psk"]
_ipsec = Commanding("ipsec")
run, printed, refused = _ipsec.run, _ipsec.printed, _ipsec.refused
