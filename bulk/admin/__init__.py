"""The screens of Bulk Certificate Management: one module a screen."""

from bulk.admin.urls import bulk_urls

__all__ = ["bulk_urls"]
