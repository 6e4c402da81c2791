"""The maps of a result as columns, and the sentences that say what they show.

The maps themselves: `kdsr.metrics`. Not here: which maps a run makes (`restore.run`).
"""

from dataclasses import replace
from pathlib import Path

from markupsafe import Markup
from torch import Tensor

from kdsr.image import Picture, to_tensor
from kdsr.metrics import error_map
from kdsr.metrics.consistency import CONVENTION, consistency, invented_map
from kdsr.ui import texts
from kdsr.ui.html import joined
from kdsr.ui.restore.result import Column, RestoreResult, save_column

_EXPLANATIONS = {
    "error_student": "bright where the student differs from the original.",
    "error_teacher": "bright where the teacher differs from the original.",
    "difference": "bright where student and teacher differ from each other.",
}


_INVENTED = Markup(
    "bright where the result, shrunk again, does not give back the input: detail was invented there, or noise and "
    "artefacts were removed. "
)


def error_column(key: str, picture: Picture, truth: Picture, result: RestoreResult, folder: Path) -> Column:
    """The colour-mapped error of `picture` against `truth` as the column `key`."""
    return save_column(key, _drawn(error_map(to_tensor(picture), to_tensor(truth)), picture), folder, result.task)


def invented_column(role: str, picture: Picture, degraded: Picture, result: RestoreResult, folder: Path) -> Column:
    """The map of what the network of `role` invented in `picture`, and its consistency with `degraded`.

    The file has the size of `degraded`; it is shown at that of the result.
    """
    restored, given = to_tensor(picture), to_tensor(degraded)
    drawn = _drawn(invented_map(restored, given), picture)
    enlarge = picture.width // degraded.width
    column = save_column(f"invented_{role}", drawn, folder, result.task, enlarge=enlarge)
    return replace(column, consistency_db=consistency(restored, given).item())


def explanations(result: RestoreResult, *keys: str) -> Markup:
    """One line for each column of `keys` that is a map; empty if none is."""
    columns = [column for key in dict.fromkeys(keys) if (column := result.column(key)) is not None]
    lines = [(column.title, text) for column in columns if (text := _explanation(column))]
    return joined(Markup('<p class="about"><b>{}</b>: {}</p>').format(*line) for line in lines)


def _explanation(column: Column) -> str:
    """What the map `column` shows; empty for any other picture."""
    if column.consistency_db is None:
        return _EXPLANATIONS.get(column.key, "")
    figure = Markup('<span title="{}">Consistency {}</span>').format(CONVENTION, texts.decibels(column.consistency_db))
    return _INVENTED + figure + ", higher is closer to the input."


def _drawn(colours: Tensor, picture: Picture) -> Picture:
    """The map `colours` (1, 3, H, W) of `picture`: always an 8-bit colour picture without alpha."""
    return Picture(colours[0].permute(1, 2, 0).mul(255).round().byte().numpy(), None, name=picture.name)
