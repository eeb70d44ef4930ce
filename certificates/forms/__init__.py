"""One crispy form for one dialog."""
