"""Forms of the API's own screens."""
