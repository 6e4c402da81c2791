"""The identity of a visitor: a secret kept by the browser or, where the Space offers it, one derived from the
Hugging Face account.

Runs belong to this secret (`kdsr.jobs`). The secret of an account never leaves this machine. Not here: the admin token,
which the tab *Distill* takes.
"""

import contextlib
import hashlib
import hmac
import os
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.oauth import OAUTH_CLIENT_ID

from kdsr.settings import Settings

_BROWSER = ("kdsr-owner", "kdsr")
"""Key and salt of the secret in the browser's storage; both stay, so that a browser finds its runs after a restart."""
_SHORTEST_SECRET = 16
_KEY_FILE = "owners.key"


@dataclass(frozen=True)
class Visitor:
    """The visitor's secret, held on the server, and the event after which it is known."""

    who: gr.State
    opened: Any


def add_visitor(settings: Settings, blocks: gr.Blocks) -> Visitor:
    """The secret of whoever opens `blocks`."""
    storage_key, salt = _BROWSER
    browser, who = gr.BrowserState("", storage_key=storage_key, secret=salt), gr.State("")
    account_key = owners_key(settings.home / _KEY_FILE) if can_sign_in() else b""

    def on_open(kept: str | None, profile: gr.OAuthProfile | None) -> tuple[str, str]:
        return secrets_of(kept, profile, account_key)

    opened = blocks.load(
        on_open, browser, [browser, who], concurrency_limit=None, show_progress="hidden", api_visibility="private"
    )
    return Visitor(who, opened)


def can_sign_in() -> bool:
    """Whether this Space offers to sign in with Hugging Face (`hf_oauth: true` in its card); gradio reads that from the
    environment.
    """
    return bool(OAUTH_CLIENT_ID)


def secrets_of(kept: str | None, profile: gr.OAuthProfile | None, account_key: bytes) -> tuple[str, str]:
    """(browser's secret, visitor's secret): the first is made if none is `kept`; the second is the account's where one
    is signed in.

    The account's is HMAC-SHA-256 of its number (`sub`): a name can be given up and taken by somebody else.
    """
    browser = kept if isinstance(kept, str) and len(kept) >= _SHORTEST_SECRET else secrets.token_urlsafe(32)
    if profile is None or not account_key:
        return browser, browser
    return browser, hmac.new(account_key, f"huggingface {profile['sub']}".encode(), hashlib.sha256).hexdigest()


def token_of(request: gr.Request | None) -> str:
    """The token of the account that is signed in; empty where none is, or where its time is over.

    gradio keeps it in the visitor's own session; nothing here stores it.
    """
    scope = getattr(getattr(request, "request", None), "scope", None)
    kept = (scope.get("session") or {}).get("oauth_info") if isinstance(scope, dict) else None
    if not kept or (kept.get("expires_at") or time.time() + 1) < time.time():
        return ""
    return str(kept.get("access_token") or "")


def client_of(settings: Settings, address: str) -> str:
    """A name for whoever is at the network `address`, which does not tell the address; empty where none is known."""
    if not address:
        return ""
    return hmac.new(owners_key(settings.home / _KEY_FILE), f"address {address}".encode(), hashlib.sha256).hexdigest()


def owners_key(path: Path) -> bytes:
    """The secret key of this installation in the file `path`, made when first asked for; only this user may read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with (
        contextlib.suppress(FileExistsError),
        open(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file,
    ):
        file.write(secrets.token_bytes(32))
    return path.read_bytes()
