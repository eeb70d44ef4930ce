"""One crispy form for one screen."""
