"""The settings of one installation, read once from the environment and passed on; no module reads the environment
itself.
"""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

from kdsr.errors import SettingsError

_REPOSITORY = Path(__file__).resolve().parent.parent

PAGE_OUTPUT_MEGAPIXELS = 24.0
"""The page's default for its largest picture: two cores restore it in an acceptable time."""
_SHORTEST_TOKEN = 16
"""Characters; shorter ones can be guessed."""


@dataclass(frozen=True)
class Settings:
    """Folders, device, and the limits of one request.

    Each field can be set by the environment variable `KDSR_` + its name in capitals.
    """

    weights_dir: Path = _REPOSITORY / "weights"
    data_dir: Path = _REPOSITORY / "data"
    """Folder that holds the recipes' folders of photographs."""
    home: Path = field(default_factory=lambda: Path.home() / ".cache" / "kdsr")
    database_url: str = field(default="", repr=False)
    """A PostgreSQL database that several pages share, as `postgresql://USER:PASSWORD@HOST/NAME`; empty: an own file."""
    artifacts_url: str = field(default="", repr=False)
    """Where the files of runs are kept for all pages and workers, as `s3://BUCKET/runs`; empty: only under `home`."""
    device: str = "auto"
    """`auto`, `cpu`, `cuda` or `cuda:N`."""
    threads: int = 0
    """Threads of a network on the CPU; 0 means as many as the container allows."""
    max_input_megapixels: float = 25.0
    """Largest picture that is decoded; read from the header, before any pixel is."""
    max_output_megapixels: float = 100.0
    """Largest picture that is made."""
    max_side_px: int = 16_384
    """Longest side of a picture that is decoded."""
    max_clip_seconds: float = 20.0
    """Longest clip that the page restores; the command line has no such limit."""
    max_clip_megapixels: float = 1.0
    """Largest frame of a clip of the page: 1280x720 has 0.92."""
    max_clip_megabytes: float = 50.0
    """Largest file of a clip of the page."""
    launcher: str = "auto"
    """What trains background runs: `local` (a process), `zerogpu` (chunks on a borrowed GPU), `ray` (jobs of a Ray
    cluster), `hf` (Hugging Face Jobs of whoever signed in), `off`, or `auto`, which takes the first or the second.
    """
    hf_image: str = ""
    """The image of a Hugging Face Job, with this KDSR; on a Space its own, unless it is set."""
    hf_flavor: str = "cpu-basic"
    """The hardware of a Hugging Face Job."""
    ray_address: str = ""
    """The Ray cluster's job server, as `http://HOST:8265`."""
    ray_token: str = field(default="", repr=False)
    """The cluster's token, where it asks for one: `ray get-auth-token` prints it."""
    ray_gpus: float = 0.0
    """GPUs of a job of the Ray cluster; a fraction shares one."""
    teacher_downloads: str = "on"
    """Whether visitors of the page may download published teachers to this machine: `on`, or `off`, which leaves it to
    the admin. On a Hugging Face Space it is off unless it is set.
    """
    log_format: str = "plain"
    """The page's log: `plain`, or `json`, one object per line on stdout."""
    metrics: str = "off"
    """Whether the page shows `/metrics`, to everybody who reaches it: `on` or `off`."""
    stop_s: float = 20.0
    """How long what runs may go on after SIGTERM."""
    stop_runs: str = "off"
    """Whether SIGTERM of the page also ends background runs, with a checkpoint: `on` where they would be killed with
    the page, as in a container; `off` where they go on.
    """
    admin_token: str = field(default="", repr=False)
    """A secret of 16 characters or more that allows to see, stop and delete every run; empty: nobody may."""
    run_threads: int = 0
    """Threads of a background run on the CPU; 0 means all but one, so that the page stays responsive."""
    runs_at_once: int = 1
    max_runs_waiting: int = 20
    """Runs in the queue and running, of all owners."""
    max_runs_waiting_per_owner: int = 3
    max_runs_per_owner: int = 20
    """Stored runs, ended ones included."""
    max_run_steps: int = 200_000
    max_run_minutes: float = 120.0
    """Total training time of one run, over all its parts."""
    max_run_photos: int = 300
    max_run_megapixels: float = 400.0
    """Total size of the photographs of one run."""
    max_runs_gigabytes: float = 10.0
    """Disk space of all runs; the oldest ended ones are deleted first."""
    runs_keep_days: float = 30.0
    """How long an ended run is kept."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "weights_dir", Path(self.weights_dir))
        object.__setattr__(self, "data_dir", Path(self.data_dir))
        object.__setattr__(self, "home", Path(self.home))
        for item in fields(self):
            if (item.name.startswith("max_") or item.name in ("runs_at_once", "runs_keep_days")) and not getattr(
                self, item.name
            ) > 0:
                raise SettingsError(f"{item.name} must be above 0, got {getattr(self, item.name)}.")
        for name, zero in (("threads", "all"), ("run_threads", "all but one")):
            if getattr(self, name) < 0:
                raise SettingsError(f"{name} must be 0 ({zero}) or more, got {getattr(self, name)}.")
        if 0 < len(self.admin_token) < _SHORTEST_TOKEN:
            raise SettingsError(f"admin_token must have {_SHORTEST_TOKEN} characters or more, or be empty.")
        if self.launcher not in ("auto", "local", "zerogpu", "ray", "hf", "off"):
            raise SettingsError(f"launcher must be auto, local, zerogpu, ray, hf or off, got '{self.launcher}'.")
        if not 0 <= self.ray_gpus < math.inf:
            raise SettingsError(f"ray_gpus must be 0 or more, got {self.ray_gpus}.")
        for name, known in (
            ("teacher_downloads", ("on", "off")), ("metrics", ("on", "off")), ("stop_runs", ("on", "off")),
            ("log_format", ("plain", "json")),
        ):  # fmt: skip
            if getattr(self, name) not in known:
                raise SettingsError(f"{name} must be {' or '.join(known)}, got '{getattr(self, name)}'.")
        if not 0 <= self.stop_s < math.inf:
            raise SettingsError(f"stop_s must be 0 or more, got {self.stop_s}.")
        if self.database_url and not self.database_url.startswith(("postgresql://", "postgres://")):
            raise SettingsError("database_url must be postgresql://USER:PASSWORD@HOST/NAME, or be empty.")
        if not (self.device in ("auto", "cpu", "cuda") or self.device.startswith("cuda:")):
            raise SettingsError(f"device must be auto, cpu, cuda or cuda:N, got '{self.device}'.")


def settings_from_environment(environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings with every `KDSR_*` variable of `environment` applied; `SPACE_ID` says that this is a Space.

    Raises:
        SettingsError: a value that is not of its field's kind.
    """
    space, given = environment.get("SPACE_ID"), dict[str, object]()
    if space:
        given = {"teacher_downloads": "off", "hf_image": f"hf.co/spaces/{space}"}
    for item in fields(Settings):
        text = environment.get(f"KDSR_{item.name.upper()}")
        if text is None:
            continue
        try:
            given[item.name] = item.type(text) if callable(item.type) else text
        except ValueError as error:
            raise SettingsError(f"KDSR_{item.name.upper()} must be of kind {item.type}, got '{text}'.") from error
    return Settings(**given)  # type: ignore[arg-type]


def usable_threads(settings: Settings) -> int:
    """The number of CPU threads that a network may use here: the setting, or what the container allows."""
    return settings.threads or usable_cpus()


def usable_cpus() -> int:
    """The number of CPUs that this process may use, by its affinity and its container."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(allowed, _container_cpus()))


def _container_cpus() -> int:
    """CPUs that the container's quota (cgroup v2) gives; a large number where there is none."""
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        return max(1, round(int(quota) / int(period)))
    except (OSError, ValueError):
        return 1_000_000
