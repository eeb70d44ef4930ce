"""The project: settings, URLs, the admin site, and the processes that serve it."""
