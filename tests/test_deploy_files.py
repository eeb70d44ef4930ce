"""What `deploy/` ships is what the programs that read it take (MN-4)."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.product import ROOT

pytestmark = pytest.mark.spec("MN-4")
DEPLOY = ROOT / "deploy"
UNITS = sorted(path for path in (DEPLOY / "systemd").iterdir() if path.is_file())
SERVICES = ["ccxsec-setup.service", "ccxsec-web.service", "ccxsec-worker@.service"]
EXPOSURE = 20  # tenths: `systemd-analyze security` calls up to 2.0 well protected


def systemd_analyze(*words: str) -> subprocess.CompletedProcess[str]:
    """Skips where there is no systemd: nothing of the product needs it."""
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not here")
    return subprocess.run([program, *words], capture_output=True, text=True, check=False)


def test_systemd_takes_every_unit(tmp_path: Path) -> None:
    for unit in UNITS:
        text = unit.read_text().replace("/opt/ccxsec/ccxsec", "/bin/true")
        (tmp_path / unit.name).write_text(text)
    names = [str(tmp_path / unit.name.replace("@", "@1")) for unit in UNITS]
    shutil.copy(tmp_path / "ccxsec-worker@.service", tmp_path / "ccxsec-worker@1.service")

    done = systemd_analyze("verify", "--man=no", "--recursive-errors=no", *names)

    assert (done.returncode, done.stderr.replace(str(tmp_path), "")) == (0, "")


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_is_shut_off_from_what_it_does_not_need(name: str) -> None:
    unit = DEPLOY / "systemd" / name

    done = systemd_analyze("security", "--offline=true", f"--threshold={EXPOSURE}", str(unit))

    assert done.returncode == 0, done.stdout[-200:]
    text = unit.read_text()
    assert "NoNewPrivileges=yes" in text
    assert "LoadCredential=master.keys" in text
    assert "MemoryDenyWriteExecute=yes" not in text  # callbacks of Python's TLS library


def test_no_file_holds_a_password() -> None:
    for path in DEPLOY.rglob("*"):
        if path.suffix in (".yaml", ".service", ".conf"):
            for line in path.read_text().splitlines():
                word = re.search(r"(?i)(password|secret|token)\w*\s*[:=]\s*(\S+)", line)
                value = word[2] if word else ""
                safe = ("/run/", "[", "$", "PASSWORD", "secrets/", '"$', "{")
                assert not value or value.startswith(safe), f"{path.name}: {line}"


def test_compose_starts_roles_that_there_are() -> None:
    text = (DEPLOY / "compose" / "compose.yaml").read_text()
    commands = ROOT / "ccxsec_project" / "management" / "commands"
    words = re.findall(r"^    command: \[(\w+)", text, re.MULTILINE)

    assert words == ["up", "web", "worker"]
    assert all((commands / f"{word}.py").is_file() for word in words)
    declared = set(re.findall(r"^  ([\w-]+): \{ file: secrets/\1 \}", text, re.MULTILINE))
    named = {w for found in re.findall(r"secrets: \[([^]]+)\]", text) for w in found.split(", ")}
    assert named == declared


def test_the_image_is_made_of_what_there_is() -> None:
    text = (DEPLOY / "compose" / "Dockerfile").read_text()
    for sources in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE):
        for source in sources.split():
            assert (ROOT / source).exists(), source
    assert "USER ccxsec" in text


def with_secrets(tmp_path: Path, password: str, **given: str) -> subprocess.CompletedProcess[str]:
    (tmp_path / "password").write_text(f"{password}\n")
    (tmp_path / "key").write_text("a-secret-key\n")
    environment = {
        "PATH": "/usr/bin:/bin",
        "DATABASE_URL": "postgres://ccxsec:PASSWORD@database/ccxsec",
        "DATABASE_PASSWORD_FILE": str(tmp_path / "password"),
        "CCXSEC_SECRET_KEY_FILE": str(tmp_path / "key"),
    }
    words = [str(DEPLOY / "compose" / "with-secrets"), "env"]
    return subprocess.run(
        words, env=environment | given, capture_output=True, text=True, check=False
    )


def test_secrets_come_from_files(tmp_path: Path) -> None:
    said = with_secrets(tmp_path, "abc-DEF_123").stdout.splitlines()

    assert "DATABASE_URL=postgres://ccxsec:abc-DEF_123@database/ccxsec" in said
    assert "CCXSEC_SECRET_KEY=a-secret-key" in said
    assert not [line for line in said if line.startswith("REDIS_URL")]


@pytest.mark.parametrize("password", ["", "a@b", "a b", "$(id)"])
def test_a_password_that_would_break_the_url_is_refused_unshown(
    tmp_path: Path, password: str
) -> None:
    done = with_secrets(tmp_path, password)

    assert done.returncode == 1
    assert "letters, digits" in done.stderr
    assert not password or password not in done.stderr
