"""Inputs that reach new code, through the doors of `fuzz.py`: libFuzzer, guided by coverage, as atheris brings it.

    python -m venv --system-site-packages .fuzz && .fuzz/bin/pip install atheris
    .fuzz/bin/python scripts/fuzz_guided.py picture [--seconds 120] [--found FOLDER]

It begins with the sound files of `fuzz.py` and with what was found before (`tests/fixtures/found/DOOR`). A traceback,
no sentence, more than 5 s or 1.5 GB ends the run with exit code 77, and the input lies in the folder of `--found`:
copy it to the fixtures, where `tests/test_found.py` sends it through its door for good. `fuzz.py` mutates blindly, and
needs no atheris.
"""

import argparse
import hashlib
import sys
import tempfile
from pathlib import Path
from typing import Any

FOUND = Path(__file__).resolve().parent.parent / "tests" / "fixtures" / "found"


class FaultError(Exception):
    """What `fuzz.outcome_of` calls a fault."""


def main() -> None:
    """Fuzz one door; libFuzzer ends the process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("door", help="one of those of fuzz.py")
    parser.add_argument("--seconds", type=int, default=120)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--found", type=Path, default=Path("found"), help="folder for the input of a fault")
    options = parser.parse_args()
    try:
        atheris, fuzz = _instrumented()
    except ModuleNotFoundError as error:
        parser.error(f"{error.name} is not installed here: see above")
    if options.door not in fuzz.DOORS:
        parser.error(f"the doors are {', '.join(fuzz.DOORS)}")
    fuzz.warnings.simplefilter("ignore")
    folder = Path(tempfile.mkdtemp(prefix="kdsr-fuzz-"))
    corpus, work = folder / "corpus", folder / "work"
    for made in (corpus, work, options.found):
        made.mkdir(exist_ok=True, parents=True)
    sound = fuzz.CORPUS[options.door](work)
    found = [path.read_bytes() for path in sorted((FOUND / options.door).glob("*"))]
    for number, data in enumerate([*sound, *found]):
        (corpus / str(number)).write_bytes(data)

    def one(data: bytes) -> None:
        fault = fuzz.outcome_of(options.door, data, work)[1]
        if fault:
            (options.found / f"{options.door}-{hashlib.sha256(data).hexdigest()[:12]}").write_bytes(data)
            raise FaultError(fault)

    limits = {
        "max_total_time": options.seconds, "timeout": round(fuzz.LONGEST_S), "rss_limit_mb": fuzz.MOST_MEMORY_MB,
        "max_len": 100_000, "seed": options.seed, "artifact_prefix": f"{options.found}/{options.door}-",
    }  # fmt: skip
    atheris.Setup([sys.argv[0], *(f"-{name}={value}" for name, value in limits.items()), str(corpus)], one)
    atheris.Fuzz()


def _instrumented() -> tuple[Any, Any]:
    """(atheris, fuzz), the code behind the doors with counters for the coverage."""
    import atheris

    with atheris.instrument_imports(include=["kdsr", "tifffile", "zipfile", "PIL"]):
        import fuzz
    return atheris, fuzz


if __name__ == "__main__":
    main()
