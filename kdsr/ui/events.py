"""How the page wires events: which handlers wait in the queue, and scripts that run after one."""

from typing import Any

QUEUE_PLACES = 400
"""Events that may wait, of all visitors and scripts, quick ones not counted; more are refused."""
SESSION_PLACES = 8
"""Of one open page or client. Of a page's orders all but the newest leave at once (`sessions.Orders`)."""
QUICK: dict[str, Any] = {"concurrency_limit": None, "show_progress": "hidden", "api_visibility": "private"}
"""Handlers that answer at once are queued as well, without a limit: gradio shows a toast for queued events only."""
LATEST: dict[str, Any] = QUICK | {"trigger_mode": "always_last"}
"""For a choice: one that is made while the one before is answered is not dropped, so that page and order agree."""
READING: dict[str, Any] = QUICK | {"concurrency_id": "reading", "concurrency_limit": 4}
"""Handlers that read or write pictures: a few at a time, so that they neither fill the memory nor hold up Stop."""
LATEST_READING: dict[str, Any] = LATEST | READING | {"trigger_mode": "always_last"}
TOLD: dict[str, Any] = QUICK | {"trigger_mode": "multiple", "concurrency_id": "told", "concurrency_limit": 1}
"""For a choice that only the event tells, which gradio forgets where it defers: each in its turn, the last stands."""
LATEST_TOLD: dict[str, Any] = LATEST | {"concurrency_id": "told", "concurrency_limit": 1}
"""For choices of one page that each write all of it: in their turn, so that an older answer never overtakes."""
QUEUED: dict[str, Any] = {
    "concurrency_id": "restore",
    "concurrency_limit": 1,
    "show_progress": "hidden",
    "api_visibility": "private",
    "trigger_mode": "always_last",
}
"""Runs wait for each other. One that is ordered while the last of its kind ends is not dropped, as gradio would."""

SAMPLED = QUEUED | {"concurrency_id": "sample"}
"""The comparison in a card, beside the queue of runs: it takes a second once for each network."""


def to_chosen(radio: str) -> str:
    """The script that scrolls to the chosen option of the element `radio` (an id): on a phone its row is wider than the
    page.
    """
    return f"""() => setTimeout(() => {{
  const chosen = document.querySelector('#{radio} label.selected');
  const row = chosen?.parentElement;
  row?.scrollTo({{left: chosen.offsetLeft - row.clientWidth / 2 + chosen.offsetWidth / 2}});
}}, 100)"""
