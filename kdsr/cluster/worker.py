"""One worker of a cluster: a warm network, and batches of pictures that it reads, restores and writes."""

import dataclasses
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kdsr import __version__
from kdsr.cluster.network import Packed, unpacked
from kdsr.cluster.places import fetched, joined, sent
from kdsr.cluster.todo import Errand
from kdsr.errors import KdsrError, SettingsError
from kdsr.settings import Settings, settings_from_environment

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Duty:
    """What every worker of a run is told: the places, the order with its network, and how to work."""

    source: str
    target: str
    what: Packed
    made_by: str
    settings: Settings
    """Of the driver; the folder for what is kept (`home`) is the worker's own."""
    at_once: int
    """Pictures in progress at a time, each with one thread."""
    version: str = __version__


class FolderWorker:
    """Restores the pictures that it is told of. Ray makes one in each process of the pool."""

    def __init__(self, duty: Duty) -> None:
        if duty.version != __version__:
            raise SettingsError(
                f"A node of the cluster has kdsr {__version__}, and this run needs {duty.version}; install the same."
            )
        home = settings_from_environment().home
        self._duty, self._settings = duty, dataclasses.replace(duty.settings, home=home)
        self._order = unpacked(duty.what, self._settings)
        self._runtime = self._order.open(self._settings)
        about = self._runtime.about
        self._ran = f"{self._order.card.name} by {about.name}, {about.precision}, on {about.device}"
        self._node = socket.gethostname()

    def __call__(self, batch: "pa.Table") -> "pa.Table":
        """The rows of the manifest for the errands of `batch`."""
        from kdsr.cluster.manifest import table_of

        errands = [Errand(**row) for row in batch.to_pylist()]
        if self._duty.at_once == 1:
            return table_of([self._restored(errand) for errand in errands])
        with ThreadPoolExecutor(self._duty.at_once) as pool:
            return table_of(list(pool.map(self._restored, errands)))

    def _restored(self, errand: Errand) -> dict[str, Any]:
        started, failure, notes = time.monotonic(), "", tuple[str, ...]()
        places = joined(self._duty.source, errand.source), joined(self._duty.target, errand.target)
        try:
            with fetched(places[0]) as source, sent(places[1]) as target:
                notes = self._order.restore(source, target, self._runtime, self._settings)
        except (KdsrError, OSError) as error:
            failure = str(error)
        return {
            **errand._asdict(),
            "made_by": self._duty.made_by,
            "failure": failure,
            "notes": " ".join(notes),
            "ran": self._ran,
            "seconds": time.monotonic() - started,
            "node": self._node,
        }
