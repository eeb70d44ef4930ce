"""Damaged certificates by the thousand against everything that reads foreign bytes."""
