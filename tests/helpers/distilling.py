"""What tests of the tab *Distill* share: its handlers on small random networks, staged photographs, a filled form."""

from types import SimpleNamespace

from helpers.running import Recorder, photograph
from kdsr.jobs import Jobs
from kdsr.ui.distill.handlers import DistillHandlers
from kdsr.ui.restore.handlers import RestoreHandlers

REQUEST = SimpleNamespace(session_hash="visitor", query_params={})
NUMBERS = {
    "steps": 10,
    "batch_size": 1,
    "patch_px": 16,
    "learning_rate": 1e-3,
    "truth_share": 0.0,
    "truth_share_end": 1.0,
}


def form(student="fresh 16x7", name="mine", preset="custom", prove=False, minutes=20, others=False, **numbers):
    """The values of the form's components, in their order."""
    return ("sr_x4", "tiny_x4_teacher", student, preset, name, prove, minutes, others, *(NUMBERS | numbers).values())


def distill_handlers(tiny_settings, tiny_catalog, tmp_path):
    jobs = Jobs(tiny_settings, launcher=Recorder())
    return DistillHandlers(jobs, tmp_path / "page", RestoreHandlers(tiny_settings, tmp_path / "restore", jobs))


def staged_photos(handlers, tmp_path):
    """Four photographs, uploaded."""
    files = [str(photograph(tmp_path / "given" / f"photo {index}.png")) for index in range(4)]
    staged, *_ = handlers.on_upload(files, ())
    return staged
