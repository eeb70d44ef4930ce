"""The menu: two groups, each entry with the permission that it needs (MN-1)."""

from dataclasses import dataclass

from certificates.access import Permission
from certificates.sentence import say


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the sidebar."""

    name: str
    url_name: str
    permission: Permission | str
    covers: str = ""  # another list that belongs to it and has no line of its own


MENU = {
    say("Security"): (
        Entry(
            say("Certificate Management"),
            "admin:certificates_certificate_changelist",
            Permission.VIEW,
            covers="admin:certificates_signingrequest_changelist",
        ),
        Entry(
            say("Certificate Monitor"),
            "admin:monitor",
            Permission.VIEW,
            covers="admin:certificates_delivery_changelist",
        ),
        Entry(
            say("IPSEC Configuration"), "admin:ipsec_policy_changelist", Permission.VIEW_POLICIES
        ),
        Entry(say("Bulk Certificate Management"), "admin:bulk", Permission.VIEW_BULK),
    ),
    say("System"): (
        Entry(say("Restarts"), "admin:certificates_restartnotice_changelist", Permission.VIEW),
        Entry(say("Backup"), "admin:certificates_backupsettings_changelist", Permission.BACKUP),
        Entry(say("Nodes"), "admin:certificates_node_changelist", Permission.VIEW_NODES),
        Entry(say("Discovery"), "admin:certificates_endpoint_changelist", Permission.VIEW),
        Entry(say("Jobs"), "admin:certificates_job_changelist", Permission.VIEW_JOBS),
        Entry(say("Audit log"), "admin:certificates_event_changelist", Permission.VIEW_EVENTS),
        Entry(say("Users"), "admin:auth_user_changelist", "auth.view_user"),
        Entry(say("Groups"), "admin:auth_group_changelist", "auth.view_group"),
        Entry(say("API tokens"), "admin:tokens", Permission.VIEW),
    ),
}
