"""The tab Restore."""
