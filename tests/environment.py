"""Loaded by pytest before Django: the tests have a data folder of their own, and no `.env`."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

FOLDER = Path(tempfile.mkdtemp(prefix="ccxsec-tests-"))
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)

KEPT = {"CCXSEC_TEST_DATA"}  # the folder of corpora that are not part of the project
for name in {name for name in os.environ if name.startswith("CCXSEC_")} - KEPT:
    del os.environ[name]
os.environ |= {
    "CCXSEC_ENV_FILE": os.devnull,
    "CCXSEC_DATA": str(FOLDER),
    "CCXSEC_ALLOWED_HOSTS": "testserver,localhost,127.0.0.1",
    "CCXSEC_LOG_LEVEL": "WARNING",
    "CCXSEC_MASTER_KEYS": "1:" + "QUFB" * 10 + "QUE=",  # 32 bytes, for tests only
}
(FOLDER / "static").mkdir()  # the web server serves it; the tests have no such files
