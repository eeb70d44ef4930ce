"""One function an operator's verb: the only writers of state.

Importing this package registers the functions of the background jobs.
"""

from bulk.operations.clusters import confirm_cluster, forget_cluster
from bulk.operations.configure import (
    UnknownHostKey,
    check_server,
    keep_host_key,
    pin_host_key,
    save_server,
)
from bulk.operations.consolidate import request_consolidate
from bulk.operations.content import planned_export
from bulk.operations.export import request_export
from bulk.operations.import_plan import request_import
from bulk.operations.look import look_at_file, request_look
from bulk.operations.standing import standing
from bulk.operations.survey import request_survey

__all__ = [
    "UnknownHostKey",
    "check_server",
    "confirm_cluster",
    "forget_cluster",
    "keep_host_key",
    "look_at_file",
    "pin_host_key",
    "planned_export",
    "request_consolidate",
    "request_export",
    "request_import",
    "request_look",
    "request_survey",
    "save_server",
    "standing",
]
