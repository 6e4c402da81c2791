"""What a runtime raises of its own becomes one sentence; a runtime is tried once before it is trusted.

A processor may lack what a library takes for granted: a graph then opens, and fails in its first run.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from kdsr.errors import KdsrError, SettingsError

_LONGEST = 200
"""Characters of a library's text that are quoted."""


@contextmanager
def as_settings_error(runtime: str) -> Iterator[None]:
    """Inside, whatever `runtime` raises is raised as a SettingsError of one sentence; KDSR's own errors and a lack of
    memory stay as they are.
    """
    try:
        yield
    except (KdsrError, MemoryError):
        raise
    except Exception as error:  # no library lists what it raises
        why = " ".join((str(error).strip() or type(error).__name__).splitlines()[-1].split())[:_LONGEST].rstrip(".")
        raise SettingsError(
            f"The runtime {runtime} fails on this machine ({why}); choose another one, or auto."
        ) from error
