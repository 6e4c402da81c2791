"""A full disk costs what did not fit, in one sentence without a path; what was finished stays."""

import errno
import os
from contextlib import contextmanager

import pytest
from helpers.restoring import CHOICE, REQUEST, restore_handlers, results, small_photo

from kdsr import files
from kdsr.errors import InputError
from kdsr.ui.disk import writing
from kdsr.ui.restore.files import files_as
from kdsr.ui.restore.shown import ShownHandlers

handlers = pytest.fixture(restore_handlers)
photo = pytest.fixture(small_photo)


@pytest.fixture
def full_for(monkeypatch):
    """From a call on, the disk is full for files whose name has one of the given words."""

    def fill(*words):
        @contextmanager
        def replaced(path):
            if any(word in path.name for word in words):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
            with files.replaced(path) as part:
                yield part

        for module in ("kdsr.image.write", "kdsr.ui.restore.files"):
            monkeypatch.setattr(f"{module}.replaced", replaced)

    return fill


@pytest.fixture(autouse=True)
def toasts(monkeypatch):
    shown = []
    monkeypatch.setattr("kdsr.ui.restore.handlers.gr.Warning", shown.append)
    return shown


def views_of_run(handlers, photo):
    handlers.on_press(REQUEST)
    given = (str(photo), None, CHOICE, "torch", 0, 0, False, None, ("teacher", "student"), REQUEST)
    return list(handlers.on_restore(*given))


def test_a_disk_that_is_full_before_the_teacher_s_picture_keeps_the_student_s(handlers, photo, full_for, toasts):
    full_for("-teacher")
    views = views_of_run(handlers, photo)
    result = results(views)[-1]
    assert result.column("student").file.is_file() and result.column("teacher") is None
    assert views[-2].files == [str(column.file) for column in result.columns]
    assert "No space left on device" in views[-1].status and str(handlers.folder) not in views[-1].status
    assert len(toasts) == 1 and "/" not in toasts[0]


def test_maps_that_find_no_room_are_a_note_and_the_pictures_stay(handlers, photo, full_for):
    full_for("-error_", "-invented_", "-difference")
    result = results(views_of_run(handlers, photo))[-1]
    assert {"student", "teacher", "twin"} <= {column.key for column in result.columns}
    assert result.column("error_student") is None
    (note,) = {note for note in result.notes if "Some maps are missing" in note and "error_student" in note}
    assert "No space left on device" in note and "/" not in note


def test_downloads_that_find_no_room_leave_those_that_are_there(handlers, photo, full_for, toasts):
    result = results(views_of_run(handlers, photo))[-1]
    full_for(".webp")
    assert all(value == {"__type__": "update"} for value in ShownHandlers(handlers).on_files(result, False, "WebP"))
    assert "No space left on device" in toasts[-1] and "/" not in toasts[-1]
    assert len(files_as(result, "PNG", handlers.settings)) == len(result.columns)
    full_for("student.png")
    ShownHandlers(handlers).on_files(result, True, "PNG")
    assert toasts[-1].startswith("The downloads cannot be written here (No space left on device)")


def test_what_a_disk_refuses_tells_no_path():
    with pytest.raises(InputError) as caught, writing("The result"):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), "/home/somebody/secret")
    assert str(caught.value).startswith("The result cannot be written here (Read-only file system): ")
