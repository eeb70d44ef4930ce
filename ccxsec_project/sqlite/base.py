"""Django's SQLite, with connections that stay open while their file is the one at its place.

Opening one costs as much as a whole small page: its settings, fifty functions, the schema. What
was opened is used again for the next request, unless the file was moved, replaced or given other
rights meanwhile, or the database had said no.
"""

from pathlib import Path
from typing import Any

from django.db.backends.sqlite3 import base

from certificates.local_files import as_its_user


class DatabaseWrapper(base.DatabaseWrapper):
    """As Django's; `is_usable` is asked once before each request (`CONN_HEALTH_CHECKS`)."""

    _opened: tuple[int, ...] | None = None

    def get_new_connection(self, conn_params: Any) -> Any:
        # Asked before: a file that comes in between is seen at the next request.
        self._opened = self._file()
        folder = Path(self.settings_dict["NAME"]).parent
        if self._opened is not None or not folder.is_dir():
            return super().get_new_connection(conn_params)
        with as_its_user(folder):  # this makes the file; SQLite itself gives those beside it away
            return super().get_new_connection(conn_params)

    def is_usable(self) -> bool:
        """Whether a new connection would be one to the same file, and nothing has failed in it."""
        return not self.errors_occurred and self._opened == self._file()

    def _file(self) -> tuple[int, ...] | None:
        """What tells the file at the place of the database from any other; None: there is none."""
        try:
            found = Path(self.settings_dict["NAME"]).stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino, found.st_mode, found.st_uid, found.st_gid
