"""The tab Distill."""
