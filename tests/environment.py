"""Loaded by pytest before Django: the tests have a data folder of their own, and no `.env`.

`CCXSEC_TEST_DATABASE=postgresql` runs them on a PostgreSQL server that ends with them; else on
SQLite. Their files are in memory where that is possible: what the product syncs costs no time.
"""

import atexit
import os
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path

from tests.databases import ASKED, SERVER

MEMORY = Path("/dev/shm")
if os.access(MEMORY, os.W_OK):
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))
FOLDER = Path(tempfile.mkdtemp(prefix="ccxsec-tests-"))
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)

KEPT = {"CCXSEC_TEST_DATA", ASKED, SERVER}  # the first: corpora that are not part of the project
for name in {name for name in os.environ if name.startswith(("CCXSEC_", "DATABASE_"))} - KEPT:
    del os.environ[name]
if os.environ.get(ASKED) == "postgresql" and SERVER not in os.environ:
    from tests.lab.postgres import throw_away_postgres

    server = ExitStack()
    atexit.register(server.close)  # the processes that pytest starts find it in SERVER
    os.environ[SERVER] = server.enter_context(throw_away_postgres(by_socket=True))
os.environ |= {
    "CCXSEC_ENV_FILE": os.devnull,
    "CCXSEC_DATA": str(FOLDER),
    "CCXSEC_ALLOWED_HOSTS": "testserver,localhost,127.0.0.1",
    "CCXSEC_LOG_LEVEL": "WARNING",
    "CCXSEC_MASTER_KEYS": "1:" + "QUFB" * 10 + "QUE=",  # 32 bytes, for tests only
}
if SERVER in os.environ:
    os.environ["DATABASE_URL"] = os.environ[SERVER]
(FOLDER / "static").mkdir()  # the web server serves it; the tests have no such files
