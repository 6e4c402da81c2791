"""One line in the server's log for each request that was refused, on one line and without control characters."""

import logging

_LOG = logging.getLogger("kdsr.refused")


def log_refusal(sentence: object, address: str = "") -> None:
    """Log why a request (from `address`, if it is known) was refused."""
    why = ascii(str(sentence))[1:-1]
    _LOG.warning(
        "refused %s: %s", address or "a request", why,
        extra={"facts": {"event": "refused", "address": address, "why": why}},
    )  # fmt: skip
