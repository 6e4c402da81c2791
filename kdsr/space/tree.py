"""The files of a Space: those of the last commit that the page needs, in a folder of their own."""

import io
import subprocess
import tarfile
from pathlib import Path

from kdsr.errors import InputError

NEEDED = ("README.md", "LICENSE", "app.py", "requirements.txt", "kdsr", "weights")
"""Files and folders of the repository that a Space needs; tests, recipes, documents and benchmarks stay out."""


def write_tree(repository: Path, target: Path) -> list[str]:
    """Write what a Space needs, as it was committed last, into `target`; the paths of the files, sorted.

    Raises:
        InputError: `repository` is no git repository, or has none of these files in its last commit.
    """
    packed = _git(repository, "archive", "--format=tar", "HEAD", "--", *NEEDED)
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(target, filter="data")
    return sorted(str(path.relative_to(target)) for path in target.rglob("*") if path.is_file())


def changed_files(repository: Path) -> list[str]:
    """Files that a Space needs and that differ from the last commit, new ones included."""
    told = _git(repository, "status", "--porcelain", "-z", "--", *NEEDED).decode("utf-8", errors="replace")
    return [line[3:] for line in told.split("\0") if line]


def _git(repository: Path, *words: str) -> bytes:
    try:
        done = subprocess.run(["git", "-C", str(repository), *words], capture_output=True, check=False)
    except FileNotFoundError as error:
        raise InputError("git is not installed here; a Space is made of what git tracks.") from error
    if done.returncode:
        said = done.stderr.decode("utf-8", errors="replace").strip().splitlines()
        raise InputError(f"{repository} is no clone of KDSR from which a Space can be made: {said[-1] if said else ''}")
    return done.stdout
