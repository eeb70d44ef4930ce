"""The paths of the original's certificate management API."""
