"""The addresses of the product: the admin site, the API, and the calendar feed."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from certificates.admin.monitor import calendar

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index"), name="root"),
    path("admin/", admin.site.urls),
    path("", include("ccxsec_project.api.urls")),
    path("calendar/<str:token>.ics", calendar, name="calendar"),  # its address is the secret
]
