"""The Certificate Monitor: what is watched, when it is told, and what became of it (MO-1 to MO-4).

Importing this package registers its background job.
"""

from certificates.operations.monitoring.acknowledge import acknowledge_expiry, withdraw
from certificates.operations.monitoring.configure import MonitorChange, configure_monitor
from certificates.operations.monitoring.run import request_run, run_monitor
from certificates.operations.monitoring.silence import add_rule, remove_rule
from certificates.operations.monitoring.trial import send_trial

__all__ = [
    "MonitorChange",
    "acknowledge_expiry",
    "add_rule",
    "configure_monitor",
    "remove_rule",
    "request_run",
    "run_monitor",
    "send_trial",
    "withdraw",
]
