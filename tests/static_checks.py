"""`./ccxsec check`: every check that needs no running product. Exit status 0 when all pass."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

PACKAGES = ["ccxsec_project", "certificates", "ipsec", "bulk"]
PYTHON = sys.executable
TOOLS = Path(PYTHON).parent

CHECKS: dict[str, list[str]] = {
    "format": [str(TOOLS / "ruff"), "format", "--check", "."],
    "lint": [str(TOOLS / "ruff"), "check", "."],
    "types": [str(TOOLS / "mypy"), *PACKAGES],
    "direction of imports": [str(TOOLS / "lint-imports")],
    "deployment": [PYTHON, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
    "migrations": [PYTHON, "manage.py", "makemigrations", "--check", "--dry-run"],
    "specification table": [PYTHON, "-m", "tests.spec_table", "--check"],
    "refusal table": [PYTHON, "-m", "tests.refusal_table", "--check"],
    "launcher": ["sh", "-n", "ccxsec"],
}


def main() -> int:
    """Run all checks, also after one has failed."""
    failed = []
    with tempfile.TemporaryDirectory() as folder:
        # Production settings: nothing from the environment but a data folder of its own.
        environment = {k: v for k, v in os.environ.items() if not k.startswith("CCXSEC_")}
        environment |= {"CCXSEC_DATA": folder, "CCXSEC_ENV_FILE": os.devnull}
        environment |= {"DJANGO_SETTINGS_MODULE": "ccxsec_project.settings"}
        for name, command in CHECKS.items():
            done = subprocess.run(
                command, env=environment, capture_output=True, text=True, check=False
            )
            print(f"{'ok    ' if done.returncode == 0 else 'FAILED'} {name}", flush=True)
            if done.returncode:
                failed.append(name)
                print(done.stdout + done.stderr)
    print(f"{len(CHECKS) - len(failed)} checks passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
