"""Background runs as the page and the command line use them: submit, watch, stop, resume, delete, and who may."""

import contextlib
import hashlib
import hmac
import math
import time
from collections.abc import Iterable
from pathlib import Path
from threading import Event as Signal
from threading import Thread
from typing import Any

from kdsr.errors import JobError, LimitError, SettingsError, UnreachableError
from kdsr.jobs import folders
from kdsr.jobs.artifacts import Artifacts
from kdsr.jobs.launchers import ClosedLauncher, Launcher, choose_launcher
from kdsr.jobs.limits import Counts, check_counts, check_name, check_recipe, time_left_s
from kdsr.jobs.process import end, end_worker, is_alive, this_holder
from kdsr.jobs.run import Run
from kdsr.jobs.search_plan import SearchPlan, check_search, plan_to_json
from kdsr.jobs.states import WAITING, State
from kdsr.jobs.store import LEASE_S, store_of
from kdsr.jobs.uploads import take_photos
from kdsr.settings import Settings
from kdsr.train.data.photos import find_photos
from kdsr.train.recipe import Recipe, recipe_to_json, with_keys
from kdsr.train.teacher import is_path
from kdsr.tune.space import check_photographs
from kdsr.zoo import open_catalog

_SHORTEST_OWNER = 16
_STRAY_S = 3600.0
"""Minimum age of a folder without a row before it is removed; a new run has its folder before its row."""
_LOG_BYTES = 20_000
_CLOCK_SET_S = 3.0


class Jobs:
    """The background runs under `settings.home`.

    An *owner* is a secret text (16 characters or more) that a browser keeps; only its SHA-256 is stored. Anyone may
    read a run by its id. The admin token of the settings, or `is_trusted`, permits everything and lifts the limits.
    """

    def __init__(self, settings: Settings, *, launcher: Launcher | None = None, is_trusted: bool = False) -> None:
        self.settings = settings
        self.store = store_of(settings)
        self.artifacts = Artifacts(settings)
        self.launcher = launcher or choose_launcher(settings, self.store)
        self.is_trusted = is_trusted
        self._looked = (time.time(), time.monotonic())
        self._blind_until = time.monotonic() + LEASE_S if self.store.database.is_shared else 0.0
        """Until then silence proves nothing: the database may not have answered the workers either."""

    def submit(
        self,
        recipe: Recipe,
        owner: str = "",
        photos: Path | Iterable[Path] | None = None,
        *,
        client: str = "",
        search: SearchPlan | None = None,
    ) -> Run:
        """Queue a run; it starts when its turn comes.

        Args:
            photos: pictures, zip archives, or a folder of them, which are copied; the recipe's `photos` then point to
                the copies. None leaves the recipe's own folders, which only an admin may name.
            client: where the owner is, if it is known: a hash of the network address, which has limits of its own.
            search: the run searches for a better recipe than `recipe`.
        Raises:
            JobError, SettingsError, InputError, UnknownNameError: what cannot be run.
            LimitError: one more than allowed, or training is off.
        """
        admin = self.is_admin(owner)
        self._check(recipe, owner, admin=admin, has_photos=photos is not None)
        if search is not None:
            check_search(search, recipe, None if admin else self.settings)
        run_id = folders.new_id()
        folder = folders.run_dir(self.settings, run_id)
        owner_sha256 = "" if admin else _sha256(owner)
        counts = self.store.counts(owner_sha256, client)
        self._check_counts(counts, admin=admin, is_new=True)  # again in `add`: here before anything is copied
        self.clean(max_gigabytes=math.inf)  # what has expired, and what killed processes left
        try:
            folder.mkdir(parents=True)
            room = math.inf if photos is None else self._room_bytes(owner_sha256, client)
            recipe = self._with_photos(recipe, run_id, photos, None if admin else self.settings, room)
            if search is not None:
                place = self.settings.data_dir if photos is None else folders.runs_dir(self.settings)
                check_photographs(len(find_photos(recipe.data.photos, place)))
            data_dir = "" if photos is not None else str(self.settings.data_dir.absolute())
            self._room_bytes(owner_sha256, client)
            self.artifacts.push(run_id)
            run = _new_run(run_id, owner_sha256, recipe, data_dir, client, search)
            run = self.store.add(run, lambda counts: self._check_counts(counts, admin=admin, is_new=True))
            self._make_room(owner_sha256)
        except BaseException as error:
            self.artifacts.remove(run_id)
            folders.remove(folder)
            if isinstance(error, OSError):
                raise JobError(f"The run cannot be stored here ({error.strerror}): try again later.") from error
            raise
        self.launcher.launch(run.id)
        return run

    def get(self, run_id: str) -> Run:
        """The run named `run_id`; no owner is needed.

        Raises:
            JobError: there is none.
        """
        return self.store.get(run_id)

    def runs(self, owner: str = "") -> list[Run]:
        """The runs of `owner`, newest first; an admin sees all."""
        return self.store.runs(None if self.is_admin(owner) else _sha256(owner))

    def events(self, run_id: str, after: int = 0, most: int = 1000) -> list[dict[str, Any]]:
        """At most `most` events after number `after`, oldest first, each with its `number` and the keys of `train`."""
        return self.store.events(self.get(run_id).id, after=after, most=most)

    def place_in_queue(self, run_id: str) -> int | None:
        """Position in the queue from 1; None if the run is not queued."""
        queue = self.store.queue()
        return queue.index(run_id) + 1 if run_id in queue else None

    def folder(self, run_id: str) -> Path:
        """The folder with weights, card, checkpoint and photographs of a run; of another machine's, what it stored.

        Raises:
            JobError: there is no such run, or its files cannot be fetched.
        """
        run = self.get(run_id)
        self.artifacts.fetch(run)
        return folders.run_dir(self.settings, run.id)

    def log(self, run_id: str, owner: str = "") -> str:
        """The end of the worker's log; for the owner only, because it may hold paths of this machine."""
        path = folders.run_dir(self.settings, self._own(run_id, owner).id) / folders.LOG
        return path.read_bytes()[-_LOG_BYTES:].decode("utf-8", errors="replace") if path.is_file() else ""

    def may_change(self, run_id: str, owner: str = "") -> bool:
        """Whether `owner` may stop, resume and delete the run."""
        return self.is_admin(owner) or hmac.compare_digest(self.get(run_id).owner_sha256, _sha256(owner))

    def is_admin(self, owner: str = "") -> bool:
        """Whether `owner` is the admin token, or this was opened as trusted."""
        token = self.settings.admin_token
        return self.is_trusted or (token != "" and hmac.compare_digest(_sha256(token), _sha256(owner)))

    def stop(self, run_id: str, owner: str = "") -> Run:
        """Request a stop; a running run ends after its step, with a checkpoint."""
        return self.store.ask_to_stop(self._own(run_id, owner).id)

    def resume(self, run_id: str, owner: str = "") -> Run:
        """Queue a stopped, interrupted or failed run again; it continues from its checkpoint."""
        run = self._own(run_id, owner)
        if self.launcher.refusal:
            raise LimitError(self.launcher.refusal)
        admin = self.is_admin(owner)
        if run.owner_sha256:
            time_left_s(run.trained_s, self.settings)
        run = self.store.requeue(run.id, lambda counts: self._check_counts(counts, admin=admin, is_new=False))
        self.launcher.launch(run.id)
        return run

    def delete(self, run_id: str, owner: str = "") -> None:
        """Remove an ended run with its photographs, weights and events."""
        self._remove(self._own(run_id, owner).id)

    def clean(self, keep_days: float | None = None, max_gigabytes: float | None = None) -> list[str]:
        """Ids of the ended runs removed: those older than `keep_days`, then the oldest until all fit `max_gigabytes`.

        None takes the value of the settings.
        """
        oldest = time.time() - 86_400 * (self.settings.runs_keep_days if keep_days is None else keep_days)
        most = 1e9 * (self.settings.max_runs_gigabytes if max_gigabytes is None else max_gigabytes)
        runs = self.store.runs()
        for stray in folders.strays(self.settings, {run.id for run in runs}, older_than=time.time() - _STRAY_S):
            folders.remove(stray)
        ended = sorted((run for run in runs if run.state not in WAITING), key=lambda run: run.ended or run.created)
        total = folders.disk_bytes(folders.runs_dir(self.settings))
        removed = []
        for run in ended:
            if (run.ended or run.created) >= oldest and total <= most:
                break
            total -= folders.disk_bytes(folders.run_dir(self.settings, run.id))
            self._remove(run.id)
            removed.append(run.id)
        return removed

    def tend(self) -> list[str]:
        """Ids of the runs whose worker died, which are `interrupted` now; launches the queued runs. A worker that hangs
        is killed, so that another can have its place.
        """
        try:
            by_silence = time.monotonic() > self._blind_until
            dead = [] if self._clock_was_set() else self.store.recover(is_alive, by_silence=by_silence, end=end_worker)
        except UnreachableError:
            self._blind_until = time.monotonic() + LEASE_S
            raise
        if not self.launcher.refusal:
            for run_id in self.store.queue():
                self.launcher.launch(run_id)
        return dead

    def close(self, *, ends_runs: bool) -> None:
        """Start no further run. ends_runs: those that workers of this machine hold end too, with a checkpoint."""
        launcher, self.launcher = self.launcher, ClosedLauncher()
        launcher.close()
        if ends_runs:
            for holder in self._holders():
                end(holder)

    def has_workers(self) -> bool:
        """Whether a living worker of this machine holds a run."""
        return any(is_alive(holder) for holder in self._holders())

    def _holders(self) -> list[str]:
        me = this_holder()
        return [run.holder for run in self.store.runs() if run.state in WAITING and run.holder not in (None, me)]

    def _clock_was_set(self) -> bool:
        """Whether the system's clock ran ahead of the steady one since the last look: leases look old then."""
        before, self._looked = self._looked, (time.time(), time.monotonic())
        return self._looked[0] - before[0] > self._looked[1] - before[1] + _CLOCK_SET_S

    def keep_tending(self, every_s: float = 5.0) -> Signal:
        """Tend now and every `every_s` seconds, in a thread that ends when the signal is set."""
        ended = Signal()

        def tend() -> None:
            while True:
                with contextlib.suppress(JobError):  # a busy or full disk: the next round tries again
                    self.tend()
                if ended.wait(every_s):
                    return

        Thread(target=tend, daemon=True, name="tending of runs").start()
        return ended

    def _check(self, recipe: Recipe, owner: str, *, admin: bool, has_photos: bool) -> None:
        if self.launcher.refusal:
            raise LimitError(self.launcher.refusal)
        check_name(recipe.name)
        if recipe.stages:
            raise SettingsError(
                "A run in the background has one stage, and this recipe has several: train it with `kdsr train`, "
                "or submit them one by one."
            )
        if not admin:
            if len(owner) < _SHORTEST_OWNER:
                raise JobError(f"A run needs an owner: a secret text of {_SHORTEST_OWNER} characters or more.")
            if not has_photos:
                raise JobError("A run needs photographs to learn from: upload some.")
            check_recipe(recipe, self.settings, folders.runs_dir(self.settings))
        catalog = open_catalog(self.settings)
        for place in recipe.networks:
            if not is_path(place):
                catalog.find(place)

    def _with_photos(
        self, recipe: Recipe, run_id: str, photos: Path | Iterable[Path] | None, limits: Settings | None, room: float
    ) -> Recipe:
        """`recipe` with the run's copies of `photos`, which are made, or with its own folders where there are none."""
        if photos is None:
            places = [str(Path(name).absolute()) if Path(name).is_dir() else name for name in recipe.data.photos]
            return with_keys(recipe, {"photos": places})
        take_photos(photos, folders.run_dir(self.settings, run_id) / folders.PHOTOS, limits, most_bytes=room)
        return with_keys(recipe, {"photos": [f"{run_id}/{folders.PHOTOS}"]})

    def _check_counts(self, counts: Counts, *, admin: bool, is_new: bool) -> None:
        if not admin:
            check_counts(counts, self.settings, is_new=is_new)

    def _room_bytes(self, owner_sha256: str, client: str) -> float:
        """Bytes that are left for runs once the ended ones of this owner are gone: others' are never removed for it.

        Raises:
            LimitError: none are.
        """
        used = folders.disk_bytes(folders.runs_dir(self.settings))
        own = sum(folders.disk_bytes(folders.run_dir(self.settings, run.id)) for run in self._ended_of(owner_sha256))
        most = self.settings.max_runs_gigabytes
        if used - own > most * 1e9:
            raise LimitError(
                f"The runs take {(used - own) / 1e9:.1f} GB, and {most:g} are allowed: upload less, or delete some."
            )
        room = most * 1e9 - used + own
        if not client:
            return room
        theirs = [run for run in self.store.runs() if run.client == client and run.owner_sha256 != owner_sha256]
        taken = sum(folders.disk_bytes(folders.run_dir(self.settings, run.id)) for run in theirs)
        return min(room, most * 1e9 / 2 - taken)

    def _make_room(self, owner_sha256: str) -> None:
        """Remove the owner's ended runs, the oldest first, until all runs fit their disk space."""
        most = self.settings.max_runs_gigabytes * 1e9
        for run in self._ended_of(owner_sha256):
            if folders.disk_bytes(folders.runs_dir(self.settings)) <= most:
                break
            self._remove(run.id)

    def _ended_of(self, owner_sha256: str) -> list[Run]:
        """The ended runs of an owner, the oldest first."""
        runs = [run for run in self.store.runs(owner_sha256) if run.state not in WAITING]
        return sorted(runs, key=lambda run: run.ended or run.created)

    def _own(self, run_id: str, owner: str) -> Run:
        """The run, if `owner` may change it."""
        run = self.get(run_id)
        if not self.may_change(run_id, owner):
            raise JobError("This run belongs to another browser: you may watch it, but not change it.")
        return run

    def _remove(self, run_id: str) -> None:
        self.store.delete(run_id)
        self.artifacts.remove(run_id)
        folders.remove(folders.run_dir(self.settings, run_id))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _new_run(
    run_id: str, owner_sha256: str, recipe: Recipe, data_dir: str, client: str, search: SearchPlan | None
) -> Run:
    return Run(
        id=run_id,
        owner_sha256=owner_sha256,
        name=recipe.name,
        recipe=recipe_to_json(recipe),
        steps=recipe.all_steps if search is None else search.seconds(recipe),
        data_dir=data_dir,
        state=State.QUEUED,
        created=time.time(),
        client=client,
        search="" if search is None else plan_to_json(search),
    )
