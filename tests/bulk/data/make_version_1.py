"""Makes the archives of version 1 that every later version must read.

`python -m tests.bulk.data.make_version_1` wrote the two files beside this one; they are never made
anew, as they stand for what other clusters wrote then. The keys are thrown away.
"""

import sys
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from bulk.exchange.consolidated import Included, write_consolidated
from bulk.exchange.export import write_export
from tests.bulk.archives import CLUSTER, MADE_AT, OTHER, arguments, items, signer

FOLDER = Path(__file__).resolve().parent
EXPORT, CONSOLIDATED = FOLDER / "export-version-1.tar.gz", FOLDER / "consolidated-version-1.tar"


def main() -> int:
    """0: both were written; 1: they are there."""
    if EXPORT.exists() or CONSOLIDATED.exists():
        sys.stderr.write("They are there, and stay as they are.\n")
        return 1
    signers = [signer("tomcat", "rsa-2048"), signer("ipsec", "ec-p256")]
    with EXPORT.open("wb") as target:
        first = write_export(target, **(arguments() | {"signers": signers}))
    with TemporaryDirectory() as folder, CONSOLIDATED.open("wb") as target:
        path = Path(folder) / "other"
        with path.open("wb") as other:
            changes = {
                "cluster": OTHER,
                "service": "ipsec",
                "items": [replace(items()[0], nodes=OTHER.nodes)],
            }
            second = write_export(other, **(arguments() | changes))
        write_consolidated(
            target,
            cluster=CLUSTER,
            number=42,
            made_at=MADE_AT,
            exports=[
                Included(first.file_name, EXPORT, first),
                Included(second.file_name, path, second),
            ],
            signers=signers,
            product="ccxsec 0.1.0",
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
