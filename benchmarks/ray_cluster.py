"""`kdsr restore --ray` against the plain folder command, and on a cluster of two nodes of which one is killed midway.

    python benchmarks/ray_cluster.py [--model NAME] [--pictures 2000] [--least 64] [--most 200] [--rounds 2]
                                     [--no-overhead] [--no-kill]

Whole processes, which take turns: their seconds, and those of the processor, which a busy machine changes less.
Pictures are crops of scikit-image's own photographs with sides of `least` to `most` pixels. The cluster is two nodes of
one CPU each on this machine (`ray.cluster_utils`); its second node is killed, with its worker, once half of the
pictures are restored. Results are compared byte for byte. Needs `pip install 'kdsr[cluster]'` and an idle machine.
"""

import contextlib
import filecmp
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import psutil
import skimage.data
import typer
from PIL import Image

_EVERY_S = 0.2
"""How often processes are asked what they have used; what one uses after the last time is not counted."""


def main(
    model: str = "sr_x4-student-16x7",
    pictures: int = 2000,
    least: int = 64,
    most: int = 200,
    rounds: int = 2,
    overhead: bool = True,
    kill: bool = True,
) -> None:
    """Print the seconds of both commands in turns, then what a killed node leaves."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        typer.echo(f"{pictures} pictures with sides of {least} to {most} px, {model}, load {os.getloadavg()[0]:.1f}")
        make_pictures(folder / "in", pictures, least, most)
        command = [sys.executable, "-m", "kdsr", "restore", str(folder / "in"), "--model", model, "-o"]
        spent_by([*command, str(folder / "plain")])  # measures the runtimes, if that was never done here
        if overhead:
            compare_times(command, folder, rounds)
        if kill:
            kill_one_of_two(command, folder, pictures)


def make_pictures(folder: Path, count: int, least: int, most: int) -> None:
    """Write `count` crops into `folder`."""
    photos = [skimage.data.astronaut(), skimage.data.coffee(), skimage.data.chelsea(), skimage.data.rocket()]
    photos = [np.tile(photo, (2, 2, 1)) for photo in photos]
    random = np.random.default_rng(0)
    folder.mkdir()
    for number in range(count):
        photo = photos[number % len(photos)]
        height, width = (int(side) for side in random.integers(least, most + 1, 2))
        top, left = random.integers(photo.shape[0] - height + 1), random.integers(photo.shape[1] - width + 1)
        Image.fromarray(photo[top : top + height, left : left + width]).save(folder / f"{number:05d}.png")


def compare_times(command: list[str], folder: Path, rounds: int) -> None:
    """Print what the plain command and `--ray local` take, in turns, and the ratio of both."""
    plain, by_ray = np.zeros(2), np.zeros(2)
    for number in range(rounds):
        plain += spent_by([*command, str(folder / f"plain{number}")])
        by_ray += spent_by([*command, str(folder / f"ray{number}"), "--ray", "local"])
        check_alike(folder / "plain", folder / f"ray{number}")
        said = [f"{name} {wall / (number + 1):.1f} s ({cpu / (number + 1):.1f} of processor)"
                for name, (wall, cpu) in (("plain", plain), ("--ray local", by_ray))]  # fmt: skip
        typer.echo(f"mean of {number + 1}: {', '.join(said)}, load {os.getloadavg()[0]:.1f}")
    wall, cpu = by_ray / plain - 1
    typer.echo(f"overhead {wall:.1%} of the time, {cpu:.1%} of the processor's")


def kill_one_of_two(command: list[str], folder: Path, pictures: int) -> None:
    """Restore on two nodes, kill one at the half, and compare; then run again."""
    from ray.cluster_utils import Cluster

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    objects = {"object_store_memory": 128 * 2**20}
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False, **objects})
    other = cluster.add_node(num_cpus=1, **objects)
    cluster.wait_for_nodes()
    run = [*command, str(folder / "cluster"), "--ray", cluster.address]
    seconds, lines = watched(run, f"[{pictures // 2}/", lambda: cluster.remove_node(other, allow_graceful=False))
    check_alike(folder / "plain", folder / "cluster")
    typer.echo(
        f"two nodes, one killed at the half: {seconds:.1f} s, all {pictures} results as those of the plain command"
    )
    typer.echo(f"  {lines[-1]}")
    before = {path: path.stat().st_mtime_ns for path in (folder / "cluster").rglob("*") if path.is_file()}
    seconds, lines = watched(run, "", lambda: None)
    after = {path: path.stat().st_mtime_ns for path in (folder / "cluster").rglob("*") if path.is_file()}
    assert before == after, "the second run wrote something"
    typer.echo(f"second run: {seconds:.1f} s, no file written: {lines[-1]}")
    cluster.shutdown()


def spent_by(command: list[str]) -> tuple[float, float]:
    """Seconds that `command` takes, and seconds of processor of it and all its children; it must succeed."""
    started, spent = time.monotonic(), dict[int, float]()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        root = psutil.Process(process.pid)
        while process.poll() is None:
            with contextlib.suppress(psutil.Error):
                for each in [root, *root.children(recursive=True)]:
                    with contextlib.suppress(psutil.Error):
                        spent[each.pid] = each.cpu_times().user + each.cpu_times().system
            time.sleep(_EVERY_S)
    assert process.returncode == 0
    return time.monotonic() - started, sum(spent.values())


def watched(command: list[str], mark: str, then: Callable[[], object]) -> tuple[float, list[str]]:
    """Seconds and lines of `command`; `then` is called at the first line that begins with `mark`."""
    started, lines, called = time.monotonic(), list[str](), not mark
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            lines.append(line.rstrip())
            if not called and line.startswith(mark):
                then()
                called = True
    assert process.returncode == 0, "\n".join(lines[-5:])
    return time.monotonic() - started, lines


def check_alike(one: Path, other: Path) -> None:
    """Pass if both folders hold the same pictures, byte for byte."""
    names = sorted(path.name for path in one.glob("*.png"))
    assert names == sorted(path.name for path in other.glob("*.png"))
    _, differ, missing = filecmp.cmpfiles(one, other, names, shallow=False)
    assert not differ and not missing, f"{len(differ)} differ, {len(missing)} are missing"


if __name__ == "__main__":
    typer.run(main)
