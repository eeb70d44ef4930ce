"""What the operator intends, and what is known of the nodes."""

from certificates.models.backup import BackupLock, BackupSettings
from certificates.models.certificate import Certificate, State
from certificates.models.event import Action, Event
from certificates.models.job import Heartbeat, Job, JobState
from certificates.models.monitor import (
    Acknowledgement,
    MonitorSettings,
    MonitorState,
    SilenceRule,
)
from certificates.models.node import Deployment, Node, Reach, Role
from certificates.models.notice import BackupReminder, Closing, RestartNotice
from certificates.models.notification import Channel, Delivery, Message, Notification
from certificates.models.observed import Answer, Endpoint, Observed
from certificates.models.private_key import PrivateKey
from certificates.models.purpose import Purpose, Service
from certificates.models.secret import Secret
from certificates.models.signing_request import RequestState, SigningRequest

__all__ = [
    "Acknowledgement",
    "Action",
    "Answer",
    "BackupLock",
    "BackupReminder",
    "BackupSettings",
    "Certificate",
    "Channel",
    "Closing",
    "Delivery",
    "Deployment",
    "Endpoint",
    "Event",
    "Heartbeat",
    "Job",
    "JobState",
    "Message",
    "MonitorSettings",
    "MonitorState",
    "Node",
    "Notification",
    "Observed",
    "PrivateKey",
    "Purpose",
    "Reach",
    "RequestState",
    "RestartNotice",
    "Role",
    "Secret",
    "Service",
    "SigningRequest",
    "SilenceRule",
    "State",
]
