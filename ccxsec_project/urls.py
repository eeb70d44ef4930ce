"""The addresses of the product: the admin site, and the calendar feed with its secret address."""

from django.contrib import admin
from django.urls import path
from django.views.generic import RedirectView

from certificates.admin.monitor import calendar

handler500 = "ccxsec_project.outages.server_error"
urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index"), name="root"),
    path("admin/", admin.site.urls),
    path("calendar/<str:token>.ics", calendar, name="calendar"),  # its address is the secret
]
