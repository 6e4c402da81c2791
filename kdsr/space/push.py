"""The upload of a Space by huggingface_hub: create it, replace its files, wait for its build.

The token is the one that `hf auth login` keeps, or `HF_TOKEN`; it is never printed.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kdsr.errors import InputError, KdsrError, Stopped, find

BUILD_S = 1800.0
"""The most that a build is waited for."""
_POLL_S = 3.0
_STARTS_S = 15.0
"""The most that the Hub takes before it starts a build."""
_AT_WORK = ("BUILDING", "RUNNING_BUILDING", "APP_STARTING", "RUNNING_APP_STARTING")


class SpaceError(KdsrError):
    """The Hub refused a request, or the Space does not run."""


def push_space(
    tree: Path,
    name: str,
    *,
    hardware: str | None = None,
    is_private: bool = False,
    message: str = "Update KDSR",
    on_line: Callable[[str], None],
    poll_s: float = _POLL_S,
    endpoint: str | None = None,
) -> str:
    """The address of the Space `name` (USER/NAME), which has exactly the files in `tree` and runs.

    Args:
        hardware: such as `cpu-basic` or `t4-small`; None leaves it as it is.
        on_line: takes each line of progress and of the build's log.
        endpoint: the Hub's address; None takes `HF_ENDPOINT`, or else the usual one.
    Raises:
        InputError: no token, or a name that is none. UnknownNameError: no such hardware.
        SpaceError: the Hub refuses, or the Space does not run.
    """
    from huggingface_hub import HfApi, SpaceHardware, get_token
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    if name.count("/") != 1:
        raise InputError(f"The Space must be named USER/NAME, got '{name}'.")
    machine = None if hardware is None else find("hardware", hardware, {each.value: each for each in SpaceHardware})
    if get_token() is None:
        raise InputError("There is no token for the Hub: run `hf auth login`, or set HF_TOKEN.")
    api = HfApi(endpoint=endpoint)
    try:
        api.create_repo(name, repo_type="space", space_sdk="gradio", private=is_private or None, exist_ok=True)
        if machine is not None:
            api.request_space_hardware(name, hardware=machine)
        on_line(f"uploading {sum(path.is_file() for path in tree.rglob('*'))} files")
        api.upload_folder(
            repo_id=name, repo_type="space", folder_path=tree, commit_message=message, delete_patterns="*"
        )
        stage = _built(api, name, on_line, poll_s)
    except HFValidationError as error:
        raise InputError(f"'{name}' is no name of a Space: {error}") from error
    except HfHubHTTPError as error:
        raise SpaceError(f"The Hub refuses: {' '.join(str(error).split())}") from error
    if stage != "RUNNING":
        raise SpaceError(f"The Space {name} does not run: its stage is {stage}; see the log above.")
    return f"{api.endpoint.rstrip('/')}/spaces/{name}"


def _built(api: Any, name: str, on_line: Callable[[str], None], poll_s: float) -> str:
    """The stage in which the build ended; its log is told, and that of the application where it does not run."""
    try:
        stage = _settled(api, name, poll_s)
    except KeyboardInterrupt as error:
        raise Stopped(f"Stopped; the Hub goes on building {name}.") from error
    for is_build in (True, False):
        if is_build or stage != "RUNNING":
            for line in api.fetch_space_logs(name, build=is_build):
                on_line(line.rstrip("\n"))
    return stage


def _settled(api: Any, name: str, poll_s: float) -> str:
    """The stage after the build. One that is settled before a build was seen is that of the files before."""
    began, has_built = time.monotonic(), False
    while time.monotonic() - began < BUILD_S:
        stage = str(api.get_space_runtime(name).stage)
        if stage in _AT_WORK:
            has_built = True
        elif has_built or time.monotonic() - began > _STARTS_S:
            return stage
        time.sleep(poll_s)
    raise SpaceError(f"The Space {name} was not built in {BUILD_S / 60:.0f} minutes; look at its page.")
