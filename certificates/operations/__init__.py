"""One function an operator's verb: the only writers of state.

Importing this package registers the functions of the background jobs.
"""

from certificates.operations.acknowledge import acknowledge_backup, acknowledge_restart, cancel_job
from certificates.operations.audit import verify_audit
from certificates.operations.deploy import deploy
from certificates.operations.generate import generate
from certificates.operations.install import install
from certificates.operations.node import save_node
from certificates.operations.restart import observe_restarts, request_restart
from certificates.operations.rotate import add_master_key, retire_master_key, rotation_state

__all__ = [
    "acknowledge_backup",
    "acknowledge_restart",
    "add_master_key",
    "cancel_job",
    "deploy",
    "generate",
    "install",
    "observe_restarts",
    "request_restart",
    "retire_master_key",
    "rotation_state",
    "save_node",
    "verify_audit",
]
