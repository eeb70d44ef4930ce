"""The menu: two groups, each entry with the permission that it needs (MN-1)."""

from dataclasses import dataclass

from certificates.access import Permission


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the sidebar."""

    name: str
    url_name: str
    permission: Permission | str
    covers: str = ""  # another list that belongs to it and has no line of its own


MENU = {
    "Security": (
        Entry(
            "Certificate Management",
            "admin:certificates_certificate_changelist",
            Permission.VIEW,
            covers="admin:certificates_signingrequest_changelist",
        ),
        Entry(
            "Certificate Monitor",
            "admin:monitor",
            Permission.VIEW,
            covers="admin:certificates_delivery_changelist",
        ),
        Entry("IPSEC Configuration", "admin:ipsec_policy_changelist", Permission.VIEW_POLICIES),
        Entry("Bulk Certificate Management", "admin:bulk", Permission.VIEW_BULK),
    ),
    "System": (
        Entry("Restarts", "admin:certificates_restartnotice_changelist", Permission.VIEW),
        Entry("Backup", "admin:certificates_backupsettings_changelist", Permission.BACKUP),
        Entry("Nodes", "admin:certificates_node_changelist", Permission.VIEW_NODES),
        Entry("Discovery", "admin:certificates_endpoint_changelist", Permission.VIEW),
        Entry("Jobs", "admin:certificates_job_changelist", Permission.VIEW_JOBS),
        Entry("Audit log", "admin:certificates_event_changelist", Permission.VIEW_EVENTS),
        Entry("Users", "admin:auth_user_changelist", "auth.view_user"),
        Entry("Groups", "admin:auth_group_changelist", "auth.view_group"),
        Entry("API tokens", "admin:tokens", Permission.VIEW),
    ),
}
