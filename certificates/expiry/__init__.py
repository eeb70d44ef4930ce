"""Expiry warnings without Django: when they are due, how urgent they are, and how they read."""
