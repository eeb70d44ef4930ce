"""The WSGI application that the web server loads."""

import os

from django.core.wsgi import get_wsgi_application

os.umask(0o077)  # what the product writes is for its own user alone
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ccxsec_project.settings")

application = get_wsgi_application()
