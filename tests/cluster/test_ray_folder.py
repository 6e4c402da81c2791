"""A folder restored by Ray, by the real command in a process of its own, with a server of S3 as source and target."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.pictures import noise

from kdsr.cli import main
from kdsr.cluster.ray_folder import Pool, gpus_wanted, pool_of
from kdsr.cluster.ray_start import ray_at
from kdsr.errors import SettingsError
from kdsr.image import write_picture
from kdsr.settings import Settings

MODEL = "sr_x2-student-16x7"
SERVER = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
"""
S3 = "import sys, s3fs; s3 = s3fs.S3FileSystem(); "
PUT = f"{S3} s3.mkdir('pictures'); s3.put(sys.argv[1], 'pictures/in', recursive=True)"
GET = f"{S3} s3.rm('pictures/in/torn.png'); s3.get('pictures/out', sys.argv[1], recursive=True)"


def nodes(*resources):
    return [{"Alive": True, "Resources": each} for each in resources]


def test_a_worker_has_a_cpu_or_its_share_of_a_gpu():
    two = [*nodes({"CPU": 4.0}, {"CPU": 2.0}), {"Alive": False, "Resources": {"CPU": 64.0}}]
    assert pool_of(two, 0) == Pool(6, 1, 0.0)
    assert pool_of(nodes({"CPU": 16.0, "GPU": 2.0}, {"CPU": 2.0}), 0.25) == Pool(8, 2, 0.25)
    assert pool_of(nodes({"CPU": 64.0, "GPU": 1.0}), 1) == Pool(1, 8, 1)
    with pytest.raises(SettingsError, match=r"needs 0.5 of a GPU, and no node"):
        pool_of(two, 0.5)
    assert [gpus_wanted(nodes({"CPU": 1, "GPU": 1}), device, None) for device in ("auto", "cpu", "cuda")] == [1, 0, 1]
    assert (gpus_wanted(two, "auto", None), gpus_wanted(two, "auto", 0.1)) == (0, 0.1)


@pytest.mark.parametrize(
    "words, said",
    [
        (["s3://a/b", "-o", "out"], "s3://a/b is an address, which only a run by Ray takes; add --ray local."),
        (["in", "-o", "out", "--gpus", "1"], "--gpus is for workers of Ray"),
        (["in", "-o", "out", "--ray", "local", "--crf", "3"], "--ray takes pictures only"),
        (["in/a.png", "-o", "out", "--ray", "local"], "--ray takes a folder of pictures, and in/a.png is none"),
        (["in", "-o", "out", "--ray", "here"], "--ray takes 'local' or the HOST:PORT"),
    ],
)
def test_what_does_not_go_together_is_refused_in_one_sentence(words, said, tmp_path, monkeypatch, capsys):
    pytest.importorskip("ray")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    write_picture(noise(5, 7), tmp_path / "in" / "a.png")
    monkeypatch.setattr(sys, "argv", ["kdsr", "restore", *words, "--model", MODEL])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2 and said in capsys.readouterr().err


def test_a_cluster_that_does_not_answer_is_one_sentence(tmp_path):
    pytest.importorskip("ray")
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with (
        pytest.raises(SettingsError, match=r"No Ray cluster answers at .* within 5 seconds"),
        ray_at(address, Settings()),
    ):
        pass


def test_what_listens_but_is_no_cluster_is_the_same_sentence(tmp_path, monkeypatch):
    pytest.importorskip("ray")
    monkeypatch.setattr("kdsr.cluster.ray_start._REACH_S", 0.1)
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        pytest.raises(SettingsError, match="No Ray cluster answers"),
        ray_at(f"127.0.0.1:{silent.getsockname()[1]}", Settings(home=tmp_path)),
    ):
        pass


def test_a_home_that_takes_no_file_is_one_sentence(tmp_path):
    pytest.importorskip("ray")
    (tmp_path / "home").touch()
    with (
        pytest.raises(SettingsError, match=r"goes to .*ray.log, which cannot be written .* set KDSR_HOME"),
        ray_at("local", Settings(home=tmp_path / "home")),
    ):
        pass


def test_without_ray_a_sentence_names_the_extra(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SettingsError, match=r"needs ray .* pip install 'kdsr\[cluster\]'"), ray_at("local", Settings()):
        pass


@pytest.fixture
def store():
    """The environment in which s3:// is a server of this machine."""
    pytest.importorskip("moto.server")
    with subprocess.Popen(
        [sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        port = server.stdout.readline().strip()
        yield {
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "AWS_ACCESS_KEY_ID": "a",
            "AWS_SECRET_ACCESS_KEY": "b",
        }
        server.stdin.close()


def restore(tmp_path, environment, *words):
    own = {"KDSR_HOME": str(tmp_path / "home"), "KDSR_THREADS": "2", "KDSR_DEVICE": "cpu"}
    own |= {"PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-m", "kdsr", "restore", *map(str, words), "--model", MODEL]
    return subprocess.run(
        command, env=os.environ | environment | own, capture_output=True, text=True, check=False, timeout=240
    )


def with_s3(script, place, environment):
    subprocess.run([sys.executable, "-c", script, place], env=os.environ | environment, check=True, timeout=60)


@pytest.mark.slow
def test_ray_restores_from_s3_to_s3_as_the_plain_command_does_and_a_second_run_does_nothing(tmp_path, store):
    pytest.importorskip("s3fs")
    pytest.importorskip("ray")
    for place, side in (("a.png", 13), ("deep/b.png", 21), ("deep/c.png", 8)):
        (tmp_path / "in" / place).parent.mkdir(parents=True, exist_ok=True)
        write_picture(noise(side, side + 4), tmp_path / "in" / place)
    (tmp_path / "in" / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\n torn")
    with_s3(PUT, f"{tmp_path}/in/", store)

    plain = restore(tmp_path, {}, tmp_path / "in", "-o", tmp_path / "out", "-r")
    by_ray = restore(tmp_path, store, "s3://pictures/in", "-o", "s3://pictures/out", "-r", "--ray", "local")
    assert (plain.returncode, by_ray.returncode, by_ray.stdout) == (1, 1, ""), by_ray.stderr
    said = by_ray.stderr.splitlines()
    assert [line for line in said if line in plain.stderr.splitlines()][-1].startswith("torn.png: ")
    assert len([line for line in said if re.match(r"\[\d/4\] ", line)]) == 4 and len(said) == 7

    with_s3(GET, f"{tmp_path}/got/", store)
    for place in ("a.png", "deep/b.png", "deep/c.png"):
        assert (tmp_path / "got" / "out" / place).read_bytes() == (tmp_path / "out" / place).read_bytes()
    again = restore(tmp_path, store, "s3://pictures/in", "-o", "s3://pictures/out", "-r", "--ray", "local")
    assert (again.returncode, again.stderr) == (0, "3 of 3 pictures are finished already and skipped.\n")
