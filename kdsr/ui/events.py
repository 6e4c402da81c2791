"""How the page wires events: which handlers wait in the queue, and scripts that run after one."""

from typing import Any

QUEUE_PLACES = 40
"""Events that may wait, of all visitors and scripts; more are refused."""
QUICK: dict[str, Any] = {"concurrency_limit": None, "show_progress": "hidden", "api_visibility": "private"}
"""Handlers that answer at once are queued as well, without a limit: gradio shows a toast for queued events only."""
LATEST: dict[str, Any] = QUICK | {"trigger_mode": "always_last"}
"""For a choice: one that is made while the one before is answered is not dropped, so that page and order agree."""
QUEUED: dict[str, Any] = {
    "concurrency_id": "restore",
    "concurrency_limit": 1,
    "show_progress": "hidden",
    "api_visibility": "private",
    "trigger_mode": "always_last",
}
"""Runs wait for each other. One that is ordered while the last of its kind ends is not dropped, as gradio would."""


def to_chosen(radio: str) -> str:
    """The script that scrolls to the chosen option of the element `radio` (an id): on a phone its row is wider than the
    page.
    """
    return f"""() => setTimeout(() => {{
  const chosen = document.querySelector('#{radio} label.selected');
  const row = chosen?.parentElement;
  row?.scrollTo({{left: chosen.offsetLeft - row.clientWidth / 2 + chosen.offsetWidth / 2}});
}}, 100)"""
