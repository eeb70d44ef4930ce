"""The worker's own screens are taken away: a schedule there could name any function to run.

Jobs have a screen of ours, and nothing but the registry of `certificates.jobs` runs.
"""

from django.contrib import admin
from django_q import admin as queue_admin
from django_q.models import Failure, OrmQ, Schedule, Success

__all__ = ["queue_admin"]

for model in (Failure, OrmQ, Schedule, Success):
    if admin.site.is_registered(model):
        admin.site.unregister(model)
