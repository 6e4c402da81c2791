"""Limits per owner bind those who invent owners too, by their network address, and nothing is copied before."""

import dataclasses
import io
import random
import zipfile

import pytest
from helpers.running import ANNA, BERT, four_photos, jobs_opener, photograph, recipe, recorded_jobs

from kdsr.errors import InputError, JobError, KdsrError, LimitError
from kdsr.jobs import folders
from kdsr.jobs.limits import Counts, check_counts
from kdsr.jobs.uploads import take_photos
from kdsr.settings import Settings

open_jobs = pytest.fixture(jobs_opener)
jobs = pytest.fixture(recorded_jobs)
photos = pytest.fixture(four_photos)
LIMITED = Settings(max_runs_waiting=8, max_runs_waiting_per_owner=3, max_runs_per_owner=7)


@pytest.mark.parametrize("field, most", [("waiting_of_client", 4), ("kept_of_client", 35)])
def test_an_address_has_limits_too(field, most):
    check_counts(dataclasses.replace(Counts(0, 0, 0), **{field: most - 1}), LIMITED, is_new=True)
    with pytest.raises(LimitError, match=f"from your network address are .* at most {most}"):
        check_counts(dataclasses.replace(Counts(0, 0, 0), **{field: most}), LIMITED, is_new=True)
    check_counts(Counts(0, 0, 0, kept_of_client=35), LIMITED, is_new=False)


def test_who_invents_owners_is_refused_before_anything_is_copied(open_jobs, photos, monkeypatch):
    jobs = open_jobs(max_runs_waiting=8)
    for number in range(4):
        assert jobs.submit(recipe(), f"{number} {ANNA}", photos, client="one").client == "one"
    assert jobs.submit(recipe(), BERT, photos, client="other")
    assert jobs.submit(recipe(), f"no address {BERT}", photos)
    monkeypatch.setattr("kdsr.jobs.service.take_photos", lambda *_, **__: pytest.fail("copied"))
    with pytest.raises(LimitError, match="4 runs from your network address"):
        jobs.submit(recipe(), f"new {ANNA}", photos, client="one")
    assert len(jobs.store.runs()) == 6 == len(list(folders.runs_dir(jobs.settings).iterdir()))


def test_an_address_has_half_of_the_disk(open_jobs, photos):
    jobs = open_jobs()
    first = jobs.submit(recipe(), ANNA, photos, client="one")
    used = folders.disk_bytes(folders.run_dir(jobs.settings, first.id))
    tight = open_jobs(max_runs_gigabytes=2 * (used + 100) / 1e9)
    with pytest.raises(LimitError, match="left for it here"):
        tight.submit(recipe(), BERT, photos, client="one")
    assert [run.id for run in tight.store.runs()] == [first.id]


def test_a_disk_that_takes_nothing_is_one_sentence(jobs, photos, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(JobError, match=r"cannot be copied here \(Not a directory\)"):
        take_photos(photos, tmp_path / "file" / "photos", Settings())
    folders.runs_dir(jobs.settings).parent.mkdir(exist_ok=True)
    folders.runs_dir(jobs.settings).touch()
    with pytest.raises(JobError, match=r"The run cannot be stored here \(Not a directory\)"):
        jobs.submit(recipe(), ANNA, photos)
    assert jobs.store.runs() == []


@pytest.mark.parametrize("seed", range(8))
def test_a_forged_archive_is_photographs_or_one_sentence(tmp_path, seed):
    """Fifty archives with forged bytes each: numbers, names and sizes of the list of members among them."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", photograph(tmp_path / "a.png", 8, 8).read_bytes())
        archive.writestr("b/\u00fc.png", b"no picture")
    sound, rng = stream.getvalue(), random.Random(seed)
    for number in range(50):
        forged = bytearray(sound)
        for _ in range(rng.choice([1, 2, 8])):
            forged[rng.randrange(len(forged))] = rng.choice([0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)])
        path = tmp_path / f"{number}.zip"
        path.write_bytes(forged)
        try:
            assert take_photos([path], tmp_path / "taken" / str(number), Settings()) >= 1
        except KdsrError as error:
            assert (
                isinstance(error, InputError | LimitError)
                and "\n" not in str(error)
                and str(tmp_path) not in str(error)
            )
