"""`./ccxsec openapi`: the OpenAPI document of the API."""

import json
from typing import Any

from django.core.management import BaseCommand

from ccxsec_project.api.document import document


class Command(BaseCommand):
    help = "Print the OpenAPI 3.1 document of the API (docs/openapi.json)."
    requires_system_checks: list[str] = []

    def handle(self, *_: Any, **__: Any) -> None:
        self.stdout.write(json.dumps(document(), indent=1))
