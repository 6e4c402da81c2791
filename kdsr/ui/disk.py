"""What a full disk, or one that takes nothing, does to the page: one sentence, which tells no path of the server."""

from collections.abc import Iterator
from contextlib import contextmanager

from kdsr.errors import InputError


@contextmanager
def writing(what: str) -> Iterator[None]:
    """What the disk refuses within, as one sentence on `what` ("The downloads").

    Raises:
        InputError: it cannot be written.
    """
    try:
        yield
    except OSError as error:
        why = error.strerror or "the disk refuses it"
        raise InputError(
            f"{what} cannot be written here ({why}): tell whoever runs this page, or try later."
        ) from error
