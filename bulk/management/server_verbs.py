"""`./ccxsec bulk set`, `check`, `pin`, `keep-host-key`: the SFTP server."""

import shlex
from typing import Any

from bulk.management.following import Following
from bulk.models import ExchangeServer
from bulk.operations import (
    UnknownHostKey,
    check_server,
    keep_host_key,
    pin_host_key,
    save_server,
)
from certificates.access import command_line
from certificates.management.operator_command import Answer, Judged, secret_in
from certificates.reach.ssh import fingerprint_of
from certificates.refusal import Finding, Outcome

_VALUES = ("host", "port", "user", "directory", "cluster_name")
_SECRETS = {  # nosec B105 - what is asked for, not what is answered
    "password": "Password: ",
    "private_key": "Private key: ",
    "passphrase": "Pass phrase: ",
}


class ServerVerbs(Following):
    def add_server_verbs(self, verbs: Any) -> None:
        setting = self.verb(verbs, "set", self.set, "try the SFTP server, then save it")
        setting.add_argument("--host", metavar="ADDRESS", help="IP address or host name")
        setting.add_argument("--port", type=int, help="default: 22")
        setting.add_argument("--user", metavar="NAME")
        setting.add_argument("--directory", help='"." is where the user begins')
        setting.add_argument("--cluster-name", metavar="NAME", help="default: the publisher's")
        for name in _SECRETS:
            option = f"--{name.replace('_', '-')}-file"
            setting.add_argument(option, metavar="FILE|-", help="- reads standard input")
        setting.add_argument("--host-key", metavar="SHA256:…", help="that you have compared")
        self.verb(
            verbs, "check", self.check_server, "check the saved server; exit status 1 if it fails"
        )
        pin = self.verb(verbs, "pin", self.pin, "pin the host key that you have compared")
        pin.add_argument("--fingerprint", metavar="SHA256:…", required=True)
        self.verb(verbs, "keep-host-key", self.keep, "another key was shown: keep the pinned one")

    def set(self, options: dict[str, Any]) -> Answer:
        """What is not given stays as it is."""
        before = ExchangeServer.objects.current()
        values: dict[str, Any] = {
            name: getattr(before, name) if options[name] is None else options[name]
            for name in _VALUES
        }
        secrets: dict[str, Any] = {
            name: secret_in(options[f"{name}_file"], _SECRETS[name]) for name in _SECRETS
        }
        try:
            checks = save_server(
                **values, **secrets, host_key=options["host_key"] or "", actor=command_line()
            )
        except UnknownHostKey as refused:
            return _to_be_confirmed(refused, options)
        server = ExchangeServer.objects.current()
        return {
            "server": str(server),
            "directory": server.directory,
            "host_key": fingerprint_of(server.host_key),
            "cluster_id": str(server.cluster_id),
            "checks": _told(checks),
        }

    def check_server(self, options: dict[str, Any]) -> Answer:
        checks = check_server(actor=command_line())
        wrong = next((str(one) for one in checks if one.outcome is Outcome.FAIL), None)
        return Judged(
            {"server": str(ExchangeServer.objects.current()), "checks": _told(checks)}, wrong
        )

    def pin(self, options: dict[str, Any]) -> Answer:
        is_asked = pin_host_key(fingerprint=options["fingerprint"], actor=command_line())
        return _pinned() | {"password": "to be given again: bulk set" if is_asked else "kept"}

    def keep(self, options: dict[str, Any]) -> Answer:
        keep_host_key(actor=command_line())
        return _pinned()


def _told(checks: list[Finding]) -> list[str]:
    return [f"{one.outcome}  {one.code}: {one}" for one in checks]


def _pinned() -> dict[str, str]:
    return {"pinned": fingerprint_of(ExchangeServer.objects.current().host_key)}


def _to_be_confirmed(refused: UnknownHostKey, options: dict[str, Any]) -> Answer:
    """The same command once more, with the key that was shown.

    What came from standard input is not asked for again: it waits sealed for a while.
    """
    given = {name: options[name] for name in _VALUES if options[name] is not None}
    given |= {
        f"{name}_file": options[f"{name}_file"]
        for name in _SECRETS
        if options[f"{name}_file"] not in (None, "-")
    }
    words = ["./ccxsec", "bulk", "set"]
    for name, value in [*given.items(), ("host_key", refused.offered)]:
        words += [f"--{name.replace('_', '-')}", str(value)]
    return Judged({"fingerprint": refused.offered, "next": shlex.join(words)}, str(refused))
