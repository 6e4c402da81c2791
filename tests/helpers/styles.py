"""Small random networks of two styles: a teacher, two students and a twin of each."""

from pathlib import Path

from helpers.networks import add_network

STYLES = ("mosaic", "engraving")


def add_styles(folder: Path) -> None:
    """The networks `style_STYLE-teacher`, `-student-32x7`, `-student-16x7` and `-student-32x7-twin`, written into
    `folder`.
    """
    plain = {"depth": 3}
    for seed, style in enumerate(STYLES):
        title, teacher, twin = style.replace("_", " "), f"style_{style}-teacher", f"style_{style}-student-32x7-twin"
        shape = ("residual", {"width": 16, "blocks": 2})
        add_network(folder, teacher, "style", "teacher", *shape, seed=seed, title=f"Teacher, {title}")
        for width in (12, 8):
            name = f"style_{style}-student-{4 * width - 16}x7"
            more = {"teacher": teacher, "twin": twin if width == 12 else None}
            add_network(
                folder, name, "style", "student", "plain", plain | {"width": width}, seed=10 + seed,
                title=f"Student {4 * width - 16}x7, {title}", **more,
            )  # fmt: skip
        add_network(
            folder, twin, "style", "twin", "plain", plain | {"width": 12}, seed=20 + seed, title=f"Twin, {title}"
        )
