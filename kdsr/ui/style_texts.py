"""What the page says of a style, which is drawn and not restored, and has no original to be measured by."""

from kdsr.tasks import find_task
from kdsr.ui import texts

NO_PSNR = "No PSNR: a style has no original"
LIKENESS = "The figures say how near a picture is to the teacher's: higher is closer."
NO_POINTS = "Nothing to plot: a style has no original, so its networks have no PSNR. Look at them, and at their times."
CHANGED = "Settings changed: press Draw."
BUSY_AGAIN = "Times marked ~ are rough. Press Draw to measure again."


def button_of(task: str) -> str:
    """The button that runs the networks for `task`."""
    return "Restore" if find_task(task).has_truth else "Draw"


def changed(task: str) -> str:
    """That the controls ask for another result than the one that is shown."""
    return texts.CHANGED if find_task(task).has_truth else CHANGED


def busy_again(task: str) -> str:
    """What the figures of a busy machine are worth."""
    return texts.BUSY_AGAIN if find_task(task).has_truth else BUSY_AGAIN
