"""Which pictures of a place are left to do, how results are named, and what the manifest remembers."""

import pytest
from helpers.pictures import noise

from kdsr.cluster.manifest import Manifest
from kdsr.cluster.places import names_in
from kdsr.cluster.todo import Tree, todo_of
from kdsr.errors import InputError, SettingsError
from kdsr.image import write_picture

pytest.importorskip("pyarrow")


def folder(tmp_path, *names):
    for name in names:
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_picture(noise(5, 7), path)
    return tmp_path / "in"


def targets(tmp_path, **options):
    todo = todo_of(Tree(str(tmp_path / "in"), str(tmp_path / "out"), **options), "net")
    return {errand.source: errand.target for errand in todo.left}


def finished(errand, **changes):
    return {
        **errand._asdict(),
        "made_by": "net",
        "failure": "",
        "notes": "",
        "ran": "",
        "seconds": 0.1,
        "node": "n",
    } | changes


def lie(tmp_path, *names):
    """Put results there, as a worker does."""
    for name in names:
        path = tmp_path / "out" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"result")


def test_folders_below_are_kept_and_hidden_pictures_are_not_taken(tmp_path):
    folder(tmp_path, "a.png", "a.tif", "deep/er/b.png", ".hidden.png", ".kdsr/c.png")
    assert targets(tmp_path) == {"a.png": "a.png.png", "a.tif": "a.tif.png"}
    assert targets(tmp_path, recursive=True)["deep/er/b.png"] == "deep/er/b.png"
    assert len(targets(tmp_path, recursive=True)) == 3


def test_results_in_a_folder_below_the_source_are_no_pictures_to_restore(tmp_path):
    source = folder(tmp_path, "a.png", "out/a.png")
    todo = todo_of(Tree(str(source), str(source / "out"), recursive=True), "net")
    assert [errand.source for errand in todo.left] == ["a.png"]
    with pytest.raises(InputError, match="among their sources"):
        todo_of(Tree(str(source), f"{source}/"), "net")
    with pytest.raises(InputError, match="no picture in"):
        todo_of(Tree(str(tmp_path), str(tmp_path / "other")), "net")


def test_what_the_manifest_has_is_done_until_source_settings_or_result_change(tmp_path):
    source = folder(tmp_path, "a.png", "b.png", "c.png", "d.png")
    tree = Tree(str(source), str(tmp_path / "out"))
    todo = todo_of(tree, "net")
    broken = finished(todo.left[1], failure="It is broken.")
    todo.manifest.add([finished(todo.left[0]), broken, finished(todo.left[2]), finished(todo.left[3])])
    todo.manifest.write()
    lie(tmp_path, "a.png", "b.png", "c.png")
    assert [errand.source for errand in todo_of(tree, "net").left] == ["b.png", "d.png"]  # failed; result missing
    write_picture(noise(7, 5), source / "c.png")
    assert [errand.source for errand in todo_of(tree, "net").left] == ["b.png", "c.png", "d.png"]
    assert len(todo_of(tree, "other").left) == 4


def test_of_several_rows_the_last_counts_and_a_run_that_adds_some_makes_many_files_one(tmp_path):
    (errand,) = todo_of(Tree(str(folder(tmp_path, "a.png")), str(tmp_path / "out")), "net").left
    for made_by in ["net", *["other"] * 16, "last"]:
        manifest = Manifest(str(tmp_path / "out"), names_in(str(tmp_path / "out")))
        manifest.add([finished(errand, made_by=made_by)])
        manifest.write()
    manifest = Manifest(str(tmp_path / "out"), names_in(str(tmp_path / "out")))
    about = (errand.source, errand.size, errand.stamp)
    assert [manifest.has("a.png", about, made_by) for made_by in ("net", "other", "last")] == [False, False, True]
    assert len(list((tmp_path / "out" / ".kdsr").iterdir())) == 2  # the first 17, and the last


@pytest.mark.parametrize("content", [b"", b"PAR1 torn PAR1", "other columns"])
def test_a_file_of_the_manifest_that_is_none_is_named_in_one_sentence(content, tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder(tmp_path, "a.png")
    path = tmp_path / "out" / ".kdsr" / "1.parquet"
    path.parent.mkdir(parents=True)
    if isinstance(content, str):
        pq.write_table(pa.table({"a": [1]}), path)
    else:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"1.parquet does not say what is finished.*: remove it, and its pictures"):
        targets(tmp_path)
    path.unlink()
    assert targets(tmp_path) == {"a.png": "a.png"}


def test_a_place_that_takes_no_results_is_refused_before_any_work(tmp_path):
    source = folder(tmp_path, "a.png")
    for target in (source / "a.png", source / "a.png" / "below"):
        with pytest.raises(InputError, match=r"cannot be written to .*; choose another folder for -o"):
            todo_of(Tree(str(source), str(target)), "net")
    for target in ("memory://out", f"file://{tmp_path}/out"):
        with pytest.raises(SettingsError, match=r"is no place that several processes share .*; give "):
            todo_of(Tree(str(source), target), "net")


def test_a_file_that_lies_there_is_replaced_left_or_kept_beside(tmp_path):
    folder(tmp_path, "a.png", "b.png")
    lie(tmp_path, "a.png", "a (2).png")
    assert targets(tmp_path) == {"a.png": "a.png", "b.png": "b.png"}
    assert targets(tmp_path, on_conflict="skip") == {"b.png": "b.png"}
    assert targets(tmp_path, on_conflict="rename") == {"a.png": "a (3).png", "b.png": "b.png"}


@pytest.mark.parametrize("target", ["s3://bucket/in", "s3://bucket/in/", "s3://bucket//in"])
def test_results_do_not_replace_their_sources_in_a_store_either(target):
    pytest.importorskip("s3fs")
    with pytest.raises(InputError, match="among their sources"):
        todo_of(Tree("s3://bucket/in/", target), "net")


def test_a_store_that_nothing_here_reads_is_one_sentence(tmp_path):
    with pytest.raises(SettingsError, match="no store of the kind 'nowhere://'"):
        todo_of(Tree("nowhere://a/b", str(tmp_path)), "net")
