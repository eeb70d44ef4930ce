"""The screens of API tokens."""
