"""The addresses of all screens of the exchange (BK-1 to BK-5)."""

from django.contrib.admin.sites import AdminSite
from django.urls import URLPattern

from bulk.admin.clusters import cluster_confirm, cluster_forget
from bulk.admin.export import bulk_consolidate, bulk_export
from bulk.admin.file import bulk_file
from bulk.admin.job import bulk_job, bulk_job_cancel, bulk_jobs
from bulk.admin.page import bulk
from bulk.admin.plan import bulk_import, bulk_look, bulk_plan
from bulk.admin.server import bulk_check, bulk_keep_host_key, bulk_pin_host_key, bulk_survey
from certificates.access import Permission
from certificates.dialogs import View, site_url

SEE, SET, RUN = Permission.VIEW_BULK, Permission.CONFIGURE_BULK, Permission.RUN_BULK


def bulk_urls(site: AdminSite) -> list[URLPattern]:
    """Below `bulk/` of the admin."""

    def own(
        route: str, view: View, *methods: str, ask: Permission, proof: bool = False
    ) -> URLPattern:
        return site_url(site, f"bulk/{route}", view, *methods, permission=ask, proof=proof)

    return [
        own("", bulk, "GET", "POST", ask=SEE),
        own("check/", bulk_check, "POST", ask=RUN),
        own("survey/", bulk_survey, "POST", ask=RUN),
        own("host-key/pin/", bulk_pin_host_key, "POST", ask=SET),
        own("host-key/keep/", bulk_keep_host_key, "POST", ask=SET),
        own("export/", bulk_export, "GET", "POST", ask=RUN),
        own("consolidate/", bulk_consolidate, "POST", ask=RUN),
        own("look/", bulk_look, "POST", ask=RUN),
        own("file/", bulk_file, "GET", "POST", ask=RUN),
        own("plan/<int:pk>/", bulk_plan, "GET", ask=SEE),
        own("plan/<int:pk>/import/", bulk_import, "POST", ask=RUN),
        own("cluster/confirm/", cluster_confirm, "POST", ask=SET, proof=True),
        own("cluster/<int:pk>/forget/", cluster_forget, "GET", "POST", ask=SET, proof=True),
        own("job/", bulk_jobs, "GET", ask=SEE),
        own("job/<int:pk>/", bulk_job, "GET", ask=SEE),
        own("job/<int:pk>/cancel/", bulk_job_cancel, "POST", ask=RUN),
    ]
