"""A refused upload costs nobody else a run. Archives can't fill disk or memory; damaged ones are one sentence."""

import io
import struct
import time
import tracemalloc
import zipfile

import numpy as np
import pytest
import tifffile
from helpers.pictures import many_scans
from helpers.running import ANNA, BERT, four_photos, jobs_opener, photograph, recipe, recorded_jobs
from PIL import Image, PngImagePlugin

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


def unpacking_to(path, start, block, count, end=b""):
    """An archive whose one member is `start`, `count` times `block`, and `end`."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a.png", "w") as member:
        member.write(start)
        for _ in range(count):
            member.write(block)
        member.write(end)
    return path


HEADERS = {
    "a chunk of text": (png()[:33] + struct.pack(">I", 250_000_000) + b"tEXt", bytes(1_000_000)),
    "a private chunk": (png()[:33] + struct.pack(">I", 250_000_000) + b"prVt", bytes(1_000_000)),
    "segments": (b"\xff\xd8", b"\xff\xe1\xff\xff" + bytes(65_533)),
    "fill bytes": (b"\xff\xd8\xff", b"\xff" * 1_000_000),
    "junk": (b"\xff\xd8\xff", bytes(1_000_000)),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", HEADERS)
def test_a_header_that_unpacks_without_end_is_refused_with_little_memory(tmp_path, kind, monkeypatch):
    """680 kB of an archive took 1.9 GB of memory and 40 s, or minutes, before anything was copied."""
    monkeypatch.setattr(uploads, "_MAX_FILE_BYTES", 20_000_000)
    start, block = HEADERS[kind]
    path = unpacking_to(tmp_path / "one.zip", start, block, 30_000_000 // len(block))
    assert path.stat().st_size < 40_000
    tracemalloc.start()
    try:
        with pytest.raises(LimitError, match=r"'a\.png' has more than the 20 MB"):
            take_photos([path], tmp_path / "taken", Settings())
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
    finally:
        tracemalloc.stop()
    assert not (tmp_path / "taken").exists()


@pytest.mark.parametrize("kind", ["fill bytes", "junk"])
def test_a_jpeg_whose_header_takes_minutes_is_refused_at_once(tmp_path, kind):
    start, block = HEADERS[kind]
    (tmp_path / "a.jpg").write_bytes(start + block * 20)
    since = time.process_time()
    with pytest.raises(InputError, match="before its picture"):
        take_photos([tmp_path / "a.jpg"], tmp_path / "taken", Settings())
    assert time.process_time() - since < 2


def test_what_is_read_is_taken_with_long_texts_and_in_big_tiffs_too(tmp_path):
    texts = PngImagePlugin.PngInfo()
    texts.add_text("notes", "x" * 3_000_000, zip=True)
    Image.new("RGB", (40, 40)).save(tmp_path / "long.png", pnginfo=texts)
    tifffile.imwrite(tmp_path / "big.tif", np.zeros((40, 40, 3), np.uint16), bigtiff=True, byteorder=">")
    assert take_photos(sorted(tmp_path.iterdir()), tmp_path / "taken", Settings()) == 2
    assert [path.suffix for path in sorted((tmp_path / "taken").iterdir())] == [".tif", ".png"]


def test_what_is_left_out_counts_as_unpacked_and_leaves_nothing(tmp_path):
    broken = png()[:20]
    path = zipped(tmp_path / "some.zip", [("a.png", broken + bytes(900_000)), ("b.png", png(40)), ("c.png", broken)])
    skipped = []
    assert take_photos([path], tmp_path / "taken", Settings(), skipped) == 1
    assert skipped == ["a.png", "c.png"] and [each.name for each in (tmp_path / "taken").iterdir()] == ["0001_b.png"]
    torn = bytearray(path.read_bytes())
    torn[14] ^= 1  # the checksum of the first, in front of it and in the list
    torn[torn.index(b"PK\1\2") + 16] ^= 1
    (tmp_path / "torn.zip").write_bytes(torn)
    assert take_photos([tmp_path / "torn.zip"], tmp_path / "torn", Settings(), []) == 1
    for each, most in ((path, 900_100), (tmp_path / "torn.zip", 852_000)):  # a torn end is not written
        with pytest.raises(LimitError, match="left for it here"):
            take_photos([each], tmp_path / "again", Settings(), [], most_bytes=most)
    assert not (tmp_path / "again").exists()
