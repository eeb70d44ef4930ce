"""Bulk exchange of certificates between clusters through an SFTP server."""
