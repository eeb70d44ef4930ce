"""What must be true at every moment, looked at as a whole; nothing is changed.

Each check is a function that is asked and yields what is wrong (docs/reliability.md). The other
apps have checks of their own; `ccxsec_project.doctor` puts all of them together.
"""

from certificates.operations.doctor.audit import audit_problems
from certificates.operations.doctor.certificates import certificate_problems
from certificates.operations.doctor.database import database_problems
from certificates.operations.doctor.finding import Asked, Check, examine
from certificates.operations.doctor.jobs import job_problems
from certificates.operations.doctor.keys import key_problems
from certificates.operations.doctor.notices import notice_problems
from certificates.operations.doctor.secrets import secret_problems
from certificates.operations.doctor.stores import store_problems

__all__ = ["CHECKS", "Asked", "Check", "examine"]

CHECKS: tuple[Check, ...] = (
    database_problems,
    secret_problems,
    key_problems,
    certificate_problems,
    store_problems,
    job_problems,
    notice_problems,
    audit_problems,
)
