"""The downloads that run in this process: one for each teacher, however many visitors wait for it.

Not here: components and sentences (`panel`).
"""

from collections.abc import Callable
from threading import Event, Lock, Thread

from kdsr.settings import Settings
from kdsr.zoo.teachers import add_teacher


class TeacherDownload:
    """One download: how far it is, who waits for it, and what went wrong."""

    def __init__(self) -> None:
        self.share = 0.0
        """The finished share, in [0, 1]."""
        self.error: Exception | None = None
        """Why it failed, once it has ended."""
        self.ended = Event()
        self.waiting: set[str] = set()
        self._stop = Event()

    @property
    def is_open(self) -> bool:
        """Whether one more visitor may wait for it."""
        return not self.ended.is_set() and not self._stop.is_set()

    def leave(self, session: str) -> None:
        """`session` waits no more; what nobody waits for is stopped."""
        self.waiting.discard(session)
        if not self.waiting:
            self._stop.set()

    def run(self, name: str, settings: Settings, close: Callable[[], None]) -> None:
        """Add the teacher `name`; `close` is called once it is there, or why not is known."""
        try:
            add_teacher(name, settings, on_progress=self._tell, should_stop=self._stop.is_set)
        except Exception as error:  # shown or raised by whoever waits
            self.error = error
        finally:
            close()
            self.ended.set()

    def _tell(self, share: float) -> None:
        self.share = share


class TeacherDownloads:
    """The running downloads, by the teacher's name. Each has a thread; pip is a process of its own."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._running: dict[str, TeacherDownload] = {}
        self._lock = Lock()

    def join(self, name: str, session: str) -> TeacherDownload:
        """The download of `name` for which `session` now waits; begun if none runs."""
        with self._lock:
            download = self._running.get(name)
            if download is None or not download.is_open:
                download = self._running[name] = TeacherDownload()
                close = lambda: self._forget(name, download)  # noqa: E731 - bound to this download
                Thread(target=download.run, args=(name, self.settings, close), daemon=True).start()
            download.waiting.add(session)
            return download

    def is_waiting(self, session: str) -> bool:
        """Whether `session` waits for any teacher."""
        with self._lock:
            return any(session in download.waiting for download in self._running.values())

    def leave(self, session: str) -> None:
        """`session` waits for nothing any more: it pressed Stop, or its page was closed."""
        with self._lock:
            for download in self._running.values():
                if session in download.waiting:
                    download.leave(session)

    def _forget(self, name: str, download: TeacherDownload) -> None:
        with self._lock:
            if self._running.get(name) is download:
                del self._running[name]
