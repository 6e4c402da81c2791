"""A refused upload costs nobody else a run. Archives can't fill disk or memory; damaged ones are one sentence."""

import io
import zipfile

import pytest
from helpers.pictures import many_scans
from helpers.running import ANNA, BERT, four_photos, jobs_opener, photograph, recipe, recorded_jobs
from PIL import Image

from kdsr.errors import InputError, LimitError
from kdsr.jobs import folders, uploads
from kdsr.jobs.uploads import take_photos
from kdsr.settings import Settings

open_jobs = pytest.fixture(jobs_opener)
jobs = pytest.fixture(recorded_jobs)
photos = pytest.fixture(four_photos)


def zipped(path, members, method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def png(side=1):
    stream = io.BytesIO()
    Image.new("RGB", (side, side), (9, 8, 7)).save(stream, "PNG")
    return stream.getvalue()


def ended(jobs, owner, photos):
    run = jobs.submit(recipe(), owner, photos)
    jobs.stop(run.id, owner)
    return run


def test_a_refused_upload_removes_no_run_of_another(jobs, open_jobs, photos, tmp_path):
    others, own = ended(jobs, BERT, photos), ended(jobs, ANNA, photos)
    used = folders.disk_bytes(folders.runs_dir(jobs.settings))
    large = [photograph(tmp_path / "large" / f"{index}.png", 400, 400) for index in range(4)]
    tight = open_jobs(max_runs_gigabytes=(used + 1000) / 1e9)
    with pytest.raises(LimitError, match="left for it here: make it smaller, or upload less"):
        tight.submit(recipe(), ANNA, large)
    assert {run.id for run in tight.store.runs()} == {others.id, own.id}
    assert folders.disk_bytes(folders.runs_dir(jobs.settings)) == used


def test_room_is_made_of_the_owner_s_own_ended_runs(jobs, open_jobs, photos):
    others, own = ended(jobs, BERT, photos), ended(jobs, ANNA, photos)
    used = folders.disk_bytes(folders.runs_dir(jobs.settings))
    tight = open_jobs(max_runs_gigabytes=(used + 5000) / 1e9)  # a folder counts for 4096
    new = tight.submit(recipe(), ANNA, photos)
    assert {run.id for run in tight.store.runs()} == {others.id, new.id}
    assert not folders.run_dir(jobs.settings, own.id).exists()


def test_pictures_padded_with_zeros_are_refused_and_nothing_is_left(tmp_path):
    path = zipped(tmp_path / "padded.zip", [(f"{index}.png", png() + bytes(5_000_000)) for index in range(3)])
    assert path.stat().st_size < 100_000
    with pytest.raises(LimitError, match=r"'0.png' has more than the 1 MB that its pixels need"):
        take_photos([path], tmp_path / "taken", Settings())
    assert not (tmp_path / "taken").exists()
    padded = zipped(tmp_path / "little.zip", [(f"{index}.png", png() + bytes(900_000)) for index in range(3)])
    with pytest.raises(LimitError, match="or that are left for it here"):
        take_photos([padded], tmp_path / "taken", Settings(), most_bytes=2_000_000)
    assert not (tmp_path / "taken").exists()
    assert take_photos([padded], tmp_path / "taken", Settings(), most_bytes=3_000_000) == 3


@pytest.mark.slow
def test_an_archive_of_many_members_is_refused_before_they_are_read(tmp_path, monkeypatch):
    path = zipped(tmp_path / "many.zip", ((f"{index}.png", b"") for index in range(20_000)), zipfile.ZIP_STORED)
    seen = []
    infolist = zipfile.ZipFile.infolist
    monkeypatch.setattr(zipfile.ZipFile, "infolist", lambda archive: seen.append(1) or infolist(archive))
    with pytest.raises(LimitError, match=r"'many.zip' lists too many files"):
        take_photos([path], tmp_path / "taken", Settings())
    assert not seen and not (tmp_path / "taken").exists()


def test_a_large_member_is_not_taken_for_a_long_list(tmp_path, monkeypatch):
    monkeypatch.setattr(uploads, "_MAX_DIRECTORY_BYTES", 200)
    content = photograph(tmp_path / "one.png", 300, 300).read_bytes()
    path = zipped(tmp_path / "one.zip", [("one.png", content)], zipfile.ZIP_STORED)
    assert take_photos([path], tmp_path / "taken", Settings()) == 1
    assert next((tmp_path / "taken").iterdir()).read_bytes() == content


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
@pytest.mark.parametrize("place", [0.2, 0.5, 0.9])
def test_a_damaged_member_is_one_sentence(tmp_path, method, place):
    content = photograph(tmp_path / "one.png", 120, 120).read_bytes()
    path = zipped(tmp_path / "one.zip", [("one.png", content)], method)
    bytes_ = bytearray(path.read_bytes())
    start = int(40 + (len(bytes_) - 150) * place)
    bytes_[start : start + 20] = b"\xff" * 20
    path.write_bytes(bytes_)
    with pytest.raises(InputError, match=r"'one\.(png|zip)' is"):
        take_photos([path], tmp_path / "taken", Settings())
    assert not (tmp_path / "taken").exists()


def test_a_photograph_of_thousands_of_scans_is_refused_before_it_is_decoded(tmp_path):
    path = zipped(tmp_path / "slow.zip", [("slow.jpg", many_scans(64, 48, 3000))])
    with pytest.raises(InputError, match=r"'slow\.jpg' is a JPEG of 3,000 scans"):
        take_photos([path], tmp_path / "taken", Settings())
    assert not (tmp_path / "taken").exists()


def test_an_archive_with_a_password_is_one_sentence(tmp_path):
    path = zipped(tmp_path / "one.zip", [("one.png", photograph(tmp_path / "one.png").read_bytes())])
    bytes_ = bytearray(path.read_bytes())
    bytes_[bytes_.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(bytes_)
    with pytest.raises(InputError, match=r"'one\.zip' is not a readable zip archive \(it wants a password\)"):
        take_photos([path], tmp_path / "taken", Settings())
