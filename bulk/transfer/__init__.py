"""The directory on the SFTP server: every reply checked, nothing half-written ever in force."""

from bulk.transfer.failures import UNTOUCHED, HostKeyChanged
from bulk.transfer.folder import Folder, opened
from bulk.transfer.guardian import Cancelled
from bulk.transfer.listing import RemoteFile
from bulk.transfer.lock import Lock

__all__ = ["UNTOUCHED", "Cancelled", "Folder", "HostKeyChanged", "Lock", "RemoteFile", "opened"]
