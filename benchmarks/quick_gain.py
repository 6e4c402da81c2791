"""The gain of a run with the preset `quick`, from a fresh and from the released student, on unseen photographs.

    python benchmarks/quick_gain.py --data PHOTOS [--task sr_x4]

Eight of the held-out photographs are trained on, eight others are measured on. Prints one JSON object.
"""

import argparse
import json
import shutil
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from kdsr.models import Network
from kdsr.settings import settings_from_environment
from kdsr.tasks import find_task
from kdsr.train import distillation, last_stage, train_recipe
from kdsr.train.data.photos import find_photos, held_out, load_photos
from kdsr.train.validation import validate
from kdsr.zoo import Catalog


def main() -> None:
    """Train twice and print the report."""
    # Over 40 lines: options, one measurement, one report.
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--task", default="sr_x4")
    options = parser.parse_args()
    settings, task = settings_from_environment(), find_task(options.task)
    catalog = Catalog(settings.weights_dir)
    teacher, released = (catalog.for_task(options.task, role)[0] for role in ("teacher", "student"))
    learnt_from = last_stage(released.recipe)
    _, unseen = held_out(find_photos(learnt_from["photos"], options.data), learnt_from["validation_photos"])
    measured_on = load_photos(unseen[8:], multiple=task.scale, smallest_px=16)
    report: dict[str, Any] = {
        "task": options.task,
        "teacher": teacher.name,
        "unseen_photographs": [path.name for path in unseen[8:]],
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "trained_on").mkdir()
        for path in unseen[:8]:
            shutil.copy2(path, folder / "trained_on")
        for kind, student in (("fresh", None), ("released", released)):
            recipe = distillation(
                "quick", options.task, name=kind, teacher=teacher.name, photos=("trained_on",), student=student
            )
            seen: list[dict[str, Any]] = []
            since = time.monotonic()
            train_recipe(
                recipe,
                folder / kind,
                settings=replace(settings, data_dir=folder, home=folder / "home"),
                on_event=seen.append,
            )
            seconds = time.monotonic() - since
            psnrs = [event["psnr_db"] for event in seen if event["event"] == "validation"]
            before_db = next(event["before_psnr_db"] for event in seen if event["event"] == "references")
            networks: dict[str, Network] = {"after": Catalog(folder / kind).load(kind)}
            if student is not None:
                networks["before"] = catalog.load(student.name)
            figures = {
                f"unseen_{when}_db": round(validate(network, measured_on, task)[0], 3)
                for when, network in networks.items()
            }
            report[kind] = {
                "seconds": round(seconds, 1),
                "held_out_before_db": before_db,
                "held_out_best_db": max(psnrs),
                **figures,
            }
    print(json.dumps(report, indent=2))  # noqa: T201 - the output of a script


if __name__ == "__main__":
    main()
