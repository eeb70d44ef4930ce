"""The REST API: tokens, our own resources, and the paths of the original's API."""
