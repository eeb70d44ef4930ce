"""Signing in: limits of attempts, second factors, and proof before dangerous operations."""
