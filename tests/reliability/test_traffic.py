"""The master key is rotated and a backup put back while clients ask (CM-10)."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.product import PASSWORD, ROOT


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """One process does both, on a database in a file, as the product has it."""
    data = tmp_path_factory.mktemp("traffic") / "data"
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("CCXSEC_", "DATABASE_"))}
    own = {
        "CCXSEC_ENV_FILE": os.devnull,
        "CCXSEC_DATA": str(data),
        "CCXSEC_HOST_NAME": "ccx1.example.com",
        "CCXSEC_ADDRESSES": "127.0.0.1",
        "CCXSEC_ADMIN_PASSWORD": PASSWORD,
        "CCXSEC_ALLOWED_HOSTS": "testserver",
        "CCXSEC_IPSEC_SOCKET": str(data / "none.vici"),
        "DJANGO_SETTINGS_MODULE": "ccxsec_project.settings",
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.reliability.traffic"],
        cwd=ROOT,
        env=kept | own,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@pytest.mark.spec("CM-10")
def test_a_rotation_disturbs_nobody(told: dict[str, Any]) -> None:
    """Every page is answered, every certificate made, and every seal opens under the last key."""
    rotated = told["rotated"]

    assert set(rotated["answers"]) == {"200", "generate 302"}
    assert rotated["keys"] == [3]
    assert rotated["found"] == []


@pytest.mark.spec("CM-10")
def test_a_restore_under_traffic_is_waited_for_and_ends_every_session(
    told: dict[str, Any],
) -> None:
    """While there is no database each page says so; afterwards the same processes go on."""
    restored = told["restored"]

    assert set(restored["answers"]) <= {"503", "302", "200"}
    assert restored["answers"]["503"] > 0
    assert restored["same"]
    assert (restored["signed_out"], restored["signed_in_again"]) == (302, 200)
    assert restored["sessions_kept"] == 0
    assert restored["found"] == []
