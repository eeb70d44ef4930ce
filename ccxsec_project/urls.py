"""The addresses of the product: the admin site, the API, the feed, and what machines ask."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from ccxsec_project.health import healthz, readyz
from ccxsec_project.language import choose_language
from ccxsec_project.metrics import metrics
from certificates.admin.monitor import calendar

admin.autodiscover()
handler500 = "ccxsec_project.outages.server_error"
urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index"), name="root"),
    path("healthz", healthz, name="healthz"),  # `Probes` answers before it comes here
    path("readyz", readyz, name="readyz"),
    path("metrics", metrics, name="metrics"),
    path("language/", choose_language, name="language"),
    path("admin/", admin.site.urls),
    path("", include("ccxsec_project.api.urls")),
    path("calendar/<str:token>.ics", calendar, name="calendar"),  # its address is the secret
]
