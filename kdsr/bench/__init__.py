"""Measuring: quality on test sets (`evaluate`), latency (`latency`), and the figures of a card, made and checked
(`verify`).
"""
