"""What the tests share: a small random catalog, settings that touch nothing outside `tmp_path`, and the published test
sets where they lie.
"""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

# before torch is imported; processes that the tests start have it too
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
import torch
from helpers.areas import AREAS
from helpers.networks import TINY, write_random_network
from helpers.postgres import Server, programs, running_server

from kdsr.settings import Settings
from kdsr.zoo import Catalog


def pytest_configure() -> None:
    """Take Ctrl-C as in the foreground: a shell's background job ignores it, and so do the processes it starts."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests in the order in which data flows: a fault shows first where it is, then in what builds on it."""
    items.sort(key=lambda item: _place(item.path.relative_to(Path(__file__).parent).parts[0]))


def _place(folder: str) -> int:
    """Where the tests of `folder` run: those of the repository first, then area by area, the browser last."""
    if folder == "browser":
        return len(AREAS)
    return AREAS.index(folder) if folder in AREAS else -1


_GUARD = pytest.StashKey[object]()


@pytest.hookimpl(tryfirst=True, optionalhook=True)
def pytest_timeout_set_timer(item: pytest.Item, settings: object) -> None:
    """Keep what guards a test, for its teardown."""
    item.stash[_GUARD] = settings


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    """Guard a teardown anew: pytest-timeout takes its guard away once a test has failed, and a page that hung may hang
    again as it is closed.
    """
    if _GUARD in item.stash:
        item.ihook.pytest_timeout_set_timer(item=item, settings=item.stash[_GUARD])
    return (yield)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    """One thread for each network: the tests' networks are too small for more."""
    torch.set_num_threads(1)


@pytest.fixture
def tiny_settings(tmp_path: Path) -> Settings:
    """Settings on the CPU whose folders lie in `tmp_path`; `weights_dir` exists and is empty unless `tiny_catalog` is
    asked for too.
    """
    weights_dir = tmp_path / "weights"
    weights_dir.mkdir()
    return Settings(weights_dir=weights_dir, home=tmp_path / "home", device="cpu", threads=1)


@pytest.fixture
def tiny_catalog(tiny_settings: Settings) -> Catalog:
    """Random networks in `tiny_settings.weights_dir`: teacher, student and twin for sr_x4, a student for denoise."""
    for seed, name in enumerate(TINY):
        write_random_network(tiny_settings.weights_dir, name, seed=seed)
    return Catalog(tiny_settings.weights_dir)


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of the published test sets (Set5, Set14, BSD100, CBSD68), named by the environment variable
    KDSR_TEST_DATA.
    """
    given = os.environ.get("KDSR_TEST_DATA")
    if not given:
        pytest.skip("KDSR_TEST_DATA is not set: point it to the folder that holds Set5, Set14, BSD100 and CBSD68")
    if not (Path(given) / "Set5" / "HR").is_dir():
        pytest.skip(f"KDSR_TEST_DATA is {given}, and there is no Set5/HR in it")
    return Path(given)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """A PostgreSQL server of this test process."""
    if programs() is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    with running_server() as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: Server) -> str:
    """The address of an empty database on PostgreSQL."""
    import psycopg

    with psycopg.connect(postgres_server.url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    return postgres_server.url
