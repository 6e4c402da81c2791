"""The tab Live."""
