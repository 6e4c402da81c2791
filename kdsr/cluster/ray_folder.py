"""A folder of any size on Ray: names go to the workers, rows about what became of them come back.

Ray Data feeds a pool of actors, one warm network each. Where there is room, Ray starts another for a worker that died.
What that had in hand comes in another round, picture by picture: so a picture that kills its worker stands alone.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kdsr.cluster.network import packed
from kdsr.cluster.places import is_address
from kdsr.cluster.ray_start import silence
from kdsr.cluster.todo import Errand, Tree
from kdsr.cluster.worker import Duty, FolderWorker
from kdsr.errors import KdsrError, SettingsError, shortened
from kdsr.restore.order import PictureOrder
from kdsr.settings import Settings

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH, _MOST_BATCHES = 16, 10_000
"""Pictures that a worker takes at once, more of them in a run that would have too many batches else."""
_MOST_CPUS = 8
"""Of a worker with a GPU: they read and write what the network makes."""
_ROUNDS = 5


@dataclass(frozen=True)
class Pool:
    """`workers` processes with `cpus` CPUs and a share `gpus` of a GPU each."""

    workers: int
    cpus: int
    gpus: float


def pool_of(nodes: Sequence[dict[str, Any]], gpus: float) -> Pool:
    """The workers that the living of `nodes` (as `ray.nodes()`) have room for: one per CPU, or per share of a GPU.

    One thread each: two processes of one thread outrun one of two, since they share no interpreter.

    Raises:
        SettingsError: no room for one.
    """
    alive = [node["Resources"] for node in nodes if node["Alive"]]
    if not gpus:
        pool = Pool(sum(int(node.get("CPU", 0)) for node in alive), 1, 0.0)
    else:
        on_node = [(math.floor(node.get("GPU", 0) / gpus + 1e-9), int(node.get("CPU", 0))) for node in alive]
        shares = [cpus // workers for workers, cpus in on_node if workers]
        pool = Pool(sum(workers for workers, _ in on_node), max(1, min([_MOST_CPUS, *shares])), gpus)
    if not pool.workers:
        wanted = f"{gpus:g} of a GPU" if gpus else "a CPU"
        raise SettingsError(f"A worker needs {wanted}, and no node of the cluster has that; give another --gpus.")
    return pool


def gpus_wanted(nodes: Sequence[dict[str, Any]], device: str, share: float | None) -> float:
    """The share of a GPU for each worker: `share` if given, else a whole one if there are any and `device` allows."""
    if share is not None:
        return share
    has_gpus = any(node["Resources"].get("GPU", 0) for node in nodes if node["Alive"])
    return 1.0 if device.startswith("cuda") or (device == "auto" and has_gpus) else 0.0


def outcomes(
    errands: Sequence[Errand], tree: Tree, order: PictureOrder, settings: Settings, *, gpus: float | None
) -> Iterator[list[dict[str, Any]]]:
    """The rows of the manifest for `errands`, in groups, as they come. Ray must be there (`ray_at`).

    A picture whose worker dies is tried again; where it dies each time, its row says so.

    Raises:
        SettingsError: no worker can be started.
        KdsrError: what a worker found wrong with the network or the settings.
    """
    import ray

    left = {errand.target: errand for errand in errands}
    for number in range(_ROUNDS):
        nodes, before = ray.nodes(), len(left)
        pool = pool_of(nodes, gpus_wanted(nodes, settings.device, gpus))
        pool = replace(pool, workers=min(pool.workers, before))
        batch = 1 if number else max(1, min(_BATCH, before // pool.workers), before // _MOST_BATCHES)
        for table in _one_round(list(left.values()), _duty(tree, order, settings, pool), pool, batch):
            rows = [row for row in table.to_pylist() if left.pop(row["target"], None)]
            if rows:
                yield rows
        if not left or (number and len(left) == before):
            break
    yield [_lost(errand, order.made_by) for errand in left.values()]


def _duty(tree: Tree, order: PictureOrder, settings: Settings, pool: Pool) -> Duty:
    device = settings.device if pool.gpus else "cpu"
    shared = replace(settings, threads=1, device=device)
    source, target = (
        place if is_address(place) else str(Path(place).absolute()) for place in (tree.source, tree.target)
    )
    return Duty(source, target, packed(order), order.made_by, shared, pool.cpus)


def _one_round(errands: Sequence[Errand], duty: Duty, pool: Pool, batch: int) -> Iterator["pa.Table"]:
    import ray
    import ray.data

    silence("ray.data")
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = context.print_on_execution_start = False
    context.max_errored_blocks = -1  # what a dead worker had in hand comes in the next round
    names = [errand._asdict() for errand in errands]  # from_arrow would have a worker count the rows of each block
    blocks = math.ceil(len(errands) / batch)
    rows = ray.data.from_items(names, override_num_blocks=blocks).map_batches(
        FolderWorker,
        batch_size=None,
        batch_format="pyarrow",
        compute=ray.data.ActorPoolStrategy(size=pool.workers),
        fn_constructor_args=(duty,),
        num_cpus=pool.cpus,
        num_gpus=pool.gpus,
        max_task_retries=0,
    )
    try:
        yield from rows.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0)
    except Exception as error:  # of Ray, which wraps what a worker raised in classes of its own
        raise _cause(error) from error


def _cause(error: BaseException) -> KdsrError:
    """What went wrong at the bottom of an error of Ray, as one of ours."""
    found: BaseException | None = error
    while found is not None:
        for each in (found, getattr(found, "cause", None)):
            if isinstance(each, KdsrError):
                return each
        found = found.__cause__ or found.__context__
    said = [line for line in str(error).splitlines() if line.strip()] or [repr(error)]
    return SettingsError(f"The workers of the cluster cannot work ({shortened(said[-1], 300)}).")


def _lost(errand: Errand, made_by: str) -> dict[str, Any]:
    why = "its worker died each time; restore it alone, without --ray, to see why."
    row = {**errand._asdict(), "made_by": made_by, "failure": f"Not restored: {why}"}
    return row | {"notes": "", "ran": "", "seconds": 0.0, "node": ""}
