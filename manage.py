#!/usr/bin/env python
"""Django's command line for this project; `./ccxsec WORD` calls it in the right environment."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line


def main() -> int:
    """Run one command; a wrong setting is one line and exit status 1."""
    os.umask(0o077)  # what the product writes is for its own user alone
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ccxsec_project.settings")
    try:
        import ccxsec_project.settings  # noqa: F401, PLC0415 - a wrong setting is one line
    except (ImproperlyConfigured, ValueError) as error:
        print(f"ccxsec: a setting is wrong: {error}. See docs/settings.md.", file=sys.stderr)  # noqa: T201
        return 1
    except OSError as error:
        wrong = f"{error.filename} can't be used: {error.strerror}."
        print(f"ccxsec: {wrong} Mend its rights, or set CCXSEC_DATA.", file=sys.stderr)  # noqa: T201
        return 1
    execute_from_command_line(["ccxsec", *sys.argv[1:]])
    return 0


if __name__ == "__main__":
    sys.exit(main())
