"""How much the page's speed ratio changes between visits: the first example restored ten times, as the page does it.

    python benchmarks/speed_ratio.py [--task sr_x4] [--student NAME] [--teacher NAME] [--visits 10] [--runtime auto]

Prints the end-to-end times of teacher and student and their ratio at each visit, then the worst deviation from the
median ratio. Exit code 1 where that is over 15 % or a visit said "machine busy". Run it on an idle machine.
"""

import statistics
import tempfile
from pathlib import Path
from threading import Event

import typer

from kdsr.settings import settings_from_environment
from kdsr.ui.examples import available_examples
from kdsr.ui.restore.busy import busy_because
from kdsr.ui.restore.request import Order
from kdsr.ui.restore.run import restore_steps
from kdsr.zoo import Catalog

ALLOWED = 0.15


def main(task: str = "sr_x4", student: str = "", teacher: str = "", visits: int = 10, runtime: str = "auto") -> None:
    """Print the ratios and the worst deviation."""
    settings = settings_from_environment()
    catalog = Catalog(settings.weights_dir)
    names = {role: given or catalog.for_task(task, role)[0].name for role, given in
             (("student", student), ("teacher", teacher))}  # fmt: skip
    example, picture = available_examples()[0]
    typer.echo(f"{example.title}, {names['teacher']} against {names['student']}")
    ratios, was_busy = [], False
    with tempfile.TemporaryDirectory() as folder:
        for visit in range(1, visits + 1):
            order = Order(picture, "clean", task, runtime=runtime, **names)
            *_, last = restore_steps(order, settings, Path(folder) / str(visit), Event())
            columns = {column.key: column for column in last.result.columns}
            slow, quick = (columns[role].timing for role in ("teacher", "student"))
            ratios.append(slow.end_to_end_s / quick.end_to_end_s)
            busy = busy_because(last.result)
            was_busy |= bool(busy)
            typer.echo(
                f"{visit:3}  {1000 * slow.end_to_end_s:8.1f} ms ({slow.repeats})  "
                f"{1000 * quick.end_to_end_s:7.2f} ms ({quick.repeats})  ratio {ratios[-1]:6.2f}  {busy}"
            )
    median = statistics.median(ratios)
    worst = max(abs(ratio / median - 1) for ratio in ratios)
    typer.echo(f"median {median:.2f}, worst deviation {worst:.1%} (allowed {ALLOWED:.0%})")
    raise typer.Exit(int(worst > ALLOWED or was_busy))


if __name__ == "__main__":
    typer.run(main)
