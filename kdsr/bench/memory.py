"""The peak memory of a process that opens one network, restores one picture and does nothing else: `python -m
kdsr.bench.memory`.

Resident memory, libraries, input and output included, in megabytes of 1,000,000 bytes. Read from Linux's
/proc/self/status, because psutil gives the current memory only, and getrusage's peak starts at that of the parent.
"""

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

from kdsr.settings import Settings


def peak_memory_mb(model: str, runtime: str, side_px: int, settings: Settings) -> float | None:
    """Peak memory in MB of restoring a square picture of `side_px` with `model` in `runtime`.

    None if it cannot be measured (not Linux) or the process failed.
    """
    if not Path("/proc/self/status").exists():
        return None
    request = {
        "model": model,
        "runtime": runtime,
        "side_px": side_px,
        "settings": {name: str(value) for name, value in asdict(settings).items()},
    }
    done = subprocess.run(
        [sys.executable, "-m", "kdsr.bench.memory"],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        check=False,
    )
    return float(done.stdout) if done.returncode == 0 else None


def main() -> None:
    """Read a request from stdin, restore one picture, and write the peak in MB to stdout."""
    import numpy as np

    from kdsr.image import Picture
    from kdsr.restore import open_runtime, restore_picture
    from kdsr.settings import settings_from_environment
    from kdsr.zoo import open_catalog

    request = json.load(sys.stdin)
    settings = settings_from_environment({f"KDSR_{name.upper()}": text for name, text in request["settings"].items()})
    catalog = open_catalog(settings)
    opened = open_runtime(catalog.find(request["model"]), catalog, runtime=request["runtime"], settings=settings)
    side = request["side_px"]
    holes = np.tri(side, dtype=bool) if opened.about.planes == 4 else None
    restore_picture(Picture(np.zeros((side, side, 3), np.uint8)), opened, holes=holes)
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    kilobytes = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    sys.stdout.write(f"{kilobytes * 1024 / 1e6:.1f}\n")


if __name__ == "__main__":
    main()
