"""One function an operator's verb: the only writers of state.

Importing this package registers the functions of the background jobs.
"""

from certificates.operations.acknowledge import acknowledge_backup, acknowledge_restart, cancel_job
from certificates.operations.audit import verify_audit
from certificates.operations.backup import (
    begin_due_backup,
    create_backup,
    note_download,
    request_backup,
    restore_backup,
    set_backups,
    verify_backup,
)
from certificates.operations.copy_trust import copy_trusted, examine_copy
from certificates.operations.delete import delete_trusted, impact_of
from certificates.operations.deploy import check, deploy
from certificates.operations.deploy_rounds import request_check, request_deploy
from certificates.operations.discover import request_probe
from certificates.operations.endpoint import add_endpoint, remove_endpoint
from certificates.operations.generate import generate
from certificates.operations.guide import steps_of
from certificates.operations.import_many import import_trusted
from certificates.operations.install import install
from certificates.operations.monitoring import (
    acknowledge_expiry,
    add_rule,
    configure_monitor,
    remove_rule,
    request_run,
    run_monitor,
    send_trial,
    withdraw,
)
from certificates.operations.node import save_node
from certificates.operations.reach import (
    contact,
    keep_host_key,
    pin_host_key,
    save_place,
    save_reach,
)
from certificates.operations.request import cancel_request, reopen_request, request_certificate
from certificates.operations.restart import observe_restarts, request_restart, request_restarts
from certificates.operations.roll_back import examine_roll_back, roll_back
from certificates.operations.rotate import add_master_key, retire_master_key, rotation_state
from certificates.operations.upload import examine, install_upload

__all__ = [
    "acknowledge_backup",
    "acknowledge_expiry",
    "acknowledge_restart",
    "add_endpoint",
    "add_master_key",
    "add_rule",
    "begin_due_backup",
    "cancel_job",
    "cancel_request",
    "check",
    "configure_monitor",
    "contact",
    "copy_trusted",
    "create_backup",
    "delete_trusted",
    "deploy",
    "examine",
    "examine_copy",
    "examine_roll_back",
    "generate",
    "impact_of",
    "import_trusted",
    "install",
    "install_upload",
    "keep_host_key",
    "note_download",
    "observe_restarts",
    "pin_host_key",
    "remove_endpoint",
    "remove_rule",
    "reopen_request",
    "request_backup",
    "request_certificate",
    "request_check",
    "request_deploy",
    "request_probe",
    "request_restart",
    "request_restarts",
    "request_run",
    "restore_backup",
    "retire_master_key",
    "roll_back",
    "rotation_state",
    "run_monitor",
    "save_node",
    "save_place",
    "save_reach",
    "send_trial",
    "set_backups",
    "steps_of",
    "verify_audit",
    "verify_backup",
    "withdraw",
]
