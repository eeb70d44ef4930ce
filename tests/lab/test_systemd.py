"""The units, the front and the commands of docs/deployment.md under a systemd that runs (MN-4)."""

import re
import time
from collections.abc import Iterator

import pytest

from tests.lab.systemd.machine import SystemdMachine, booted
from tests.parts import needs, needs_ipsec
from tests.product import ROOT

pytestmark = pytest.mark.spec("MN-4")
PAGE = (ROOT / "docs" / "deployment.md").read_text()
ROLES = ("ccxsec-setup", "ccxsec-web", "ccxsec-worker@1")
FRONT = "https://ccx1.example.com"


def written(command: str) -> str:
    """The command, as it stands on the page."""
    assert command in PAGE
    return command


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SystemdMachine]:
    needs("nginx", "nginx-light")
    needs("curl", "curl")
    with booted(tmp_path_factory.mktemp("systemd")) as made:
        made.do(written("useradd --system --home-dir /var/lib/ccxsec ccxsec"))
        made.do("(umask 077; mkdir -p /etc/ccxsec; touch /etc/ccxsec/ccxsec.env)")
        made.do(
            "umask 077; " + written('echo "1:$(openssl rand -base64 32)" > /etc/ccxsec/master.keys')
        )
        made.do("cp -r /opt/ccxsec/deploy/systemd/* /etc/systemd/system/")
        made.do("echo CCXSEC_PORT=443 >> /etc/ccxsec/ccxsec.env")
        made.do(written("systemctl enable --now ccxsec-setup ccxsec-web ccxsec-worker@1"))
        made.do("cp /opt/ccxsec/deploy/nginx/ccxsec.conf /etc/nginx/conf.d/")
        made.do("cp /opt/ccxsec/deploy/nginx/ccxsec-proxy.conf /etc/nginx/")
        made.do(written("usermod --append --groups ccxsec www-data"))
        made.do("nginx -t && systemctl start nginx && systemctl enable --now ccxsec-front.path")
        yield made
        made.do("systemctl stop ccxsec-worker@1 ccxsec-web ccxsec-setup")
        assert "Traceback" not in made.journal()


def ask(machine: SystemdMachine, path: str) -> str:
    return machine.run(f"curl -sk --resolve ccx1.example.com:443:127.0.0.1 {FRONT}{path}").stdout


def served(machine: SystemdMachine) -> str:
    """The fingerprint of the front's certificate."""
    shown = "openssl s_client -connect 127.0.0.1:443 </dev/null 2>/dev/null"
    text = machine.run(f"{shown} | openssl x509 -noout -fingerprint -sha256").stdout
    return re.sub(r".*=|:|\s", "", text).lower()


def test_what_is_started_runs_and_is_ready(machine: SystemdMachine) -> None:
    assert {machine.shows(role, "ActiveState") for role in ROLES} == {"active"}
    assert {machine.shows(role, "NRestarts") for role in ROLES[1:]} == {"0"}
    machine.until(lambda: '"ready": true' in ask(machine, "/readyz"), "not ready")
    assert "csrfmiddlewaretoken" in ask(machine, "/admin/login/")
    assert re.search(r"Sign in as admin with the password \S{12,}", machine.journal("ccxsec-setup"))
    assert "nothing was found" in machine.ccxsec("doctor")


def test_the_front_takes_a_new_certificate_by_itself(machine: SystemdMachine) -> None:
    before = served(machine)

    machine.ccxsec("cert regen tomcat --curve P-256 --yes")

    machine.until(lambda: served(machine) not in ("", before), "the front has not taken it")
    assert served(machine) in machine.ccxsec("cert show tomcat --json")


def test_what_root_has_made_is_the_product_s(machine: SystemdMachine) -> None:
    """The product reads and replaces what a command of root's has written."""
    machine.ccxsec("cert regen ipsec --curve P-256 --yes")
    machine.write("/etc/ccxsec/words", "sixteen words of a passphrase that nobody guesses")
    machine.ccxsec("backup create --passphrase-file /etc/ccxsec/words")
    machine.ccxsec("audit verify")

    machine.do("install --directory --owner=ccxsec --mode=0700 /var/lib/ccxsec/elsewhere")
    there = "export CCXSEC_ENV_FILE=/dev/null CCXSEC_DATA=/var/lib/ccxsec/elsewhere"
    restore = "backup restore /var/lib/ccxsec/backups/* --passphrase-file /etc/ccxsec/words"
    machine.do(f"{there}; /opt/ccxsec/ccxsec {restore}")
    assert "ccxsec.sqlite3" in machine.do("ls /var/lib/ccxsec/elsewhere")

    strangers = "find /var/lib/ccxsec ! -user ccxsec ! -type l"  # a link has no rights of its own
    assert machine.do(strangers) == ""
    machine.do(written("systemctl stop 'ccxsec-worker@*' ccxsec-web"))
    machine.do(written("systemctl restart ccxsec-setup"))
    machine.do(written("systemctl start ccxsec-web ccxsec-worker@1"))
    machine.until(lambda: '"ready": true' in ask(machine, "/readyz"), "not ready")


def test_root_itself_serves_nothing_of_that_user(machine: SystemdMachine) -> None:
    for role in ("up --setup-only", "web", "worker"):
        done = machine.run(f"CCXSEC_DATA=/var/lib/ccxsec /opt/ccxsec/ccxsec {role}")
        assert done.returncode == 1
        assert "belongs to ccxsec, and this is root" in done.stderr
    assert machine.do("find /var/lib/ccxsec ! -user ccxsec ! -type l") == ""


def test_a_supervisor_that_is_killed_or_hangs_is_started_again(machine: SystemdMachine) -> None:
    short = "/etc/systemd/system/ccxsec-web.service.d/short.conf"
    machine.write(short, "[Service]\nWatchdogSec=4\n")
    machine.do("systemctl daemon-reload && systemctl restart ccxsec-web")
    known = {"0"}

    def is_another() -> bool:
        return machine.shows("ccxsec-web", "MainPID") not in known

    for signal in ("KILL", "STOP"):
        known.add(machine.shows("ccxsec-web", "MainPID"))
        machine.do(f"systemctl kill --kill-who=main --signal={signal} ccxsec-web")
        machine.until(lambda: is_another() and ask(machine, "/healthz") == "ok\n", signal)

    known.add(machine.shows("ccxsec-web", "MainPID"))
    time.sleep(10)
    assert not is_another(), "a server that is well tells so in time, however short the limit"
    machine.do(f"rm {short} && systemctl daemon-reload && systemctl restart ccxsec-web")
    machine.until(lambda: ask(machine, "/healthz") == "ok\n", "not as before")


def test_the_master_key_is_rotated_as_the_page_has_it(machine: SystemdMachine) -> None:
    machine.ccxsec("secrets rotate")
    machine.do(written("systemctl restart ccxsec-web 'ccxsec-worker@*'"))
    machine.ccxsec("secrets rewrap")
    assert "may_go: 1" in machine.ccxsec("secrets show")
    machine.ccxsec("secrets retire 1")
    machine.do("systemctl restart ccxsec-web 'ccxsec-worker@*'")

    machine.until(lambda: '"ready": true' in ask(machine, "/readyz"), "not ready")
    assert "nothing was found" in machine.ccxsec("doctor")


def test_policies_are_in_the_daemon_with_the_drop_in(machine: SystemdMachine) -> None:
    needs_ipsec()
    (block,) = re.findall(r"^```\n(printf 'charon-systemd.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    machine.write("/etc/ccxsec/ipsec.sh", block)
    machine.do("sh -e /etc/ccxsec/ipsec.sh && ip address add 192.0.2.1/24 dev lo")
    machine.write("/etc/ccxsec/key", "a-pre-shared-key-of-a-laboratory")
    ends = "--source 192.0.2.1 --destination 192.0.2.2 --key-file /etc/ccxsec/key"

    machine.ccxsec(f"ipsec add Lab/one {ends} --profile modern --enable --yes")

    machine.until(lambda: "Lab/one" in machine.do("swanctl --list-conns"), "not loaded")
    machine.do("systemctl restart strongswan")  # the worker's listener, in its unit, loads it again
    machine.until(lambda: "Lab/one" in machine.do("swanctl --list-conns"), "not loaded again")
    machine.ccxsec("ipsec disable Lab/one")


def test_the_notice_of_the_front_has_closed(machine: SystemdMachine) -> None:
    """Nobody has pressed anything: a handshake with the front showed the new certificate."""
    waiting = machine.ccxsec("restart list --json")
    machine.until(lambda: "tomcat" not in machine.ccxsec("restart list"), waiting, seconds=90)
