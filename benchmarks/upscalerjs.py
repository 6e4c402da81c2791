"""Our students against UpscalerJS, what a browser's user would pick, in one run of a headless Chromium.

    python benchmarks/upscalerjs.py [--set5 FOLDER] [--repeats 15]

Both by WebAssembly with one thread, 128 x 128 to 512 x 512 pixels, in turns: `esrgan-slim` by TensorFlow.js's backend
for WebAssembly through the package's own `upscale`, our x4 students by ONNX Runtime Web as the tab *Live* does. Times
are of warm runs, pixels to pixels. With Set5, PSNR of both for x2 and x4, on Y without the rim, of what the browser
gives. The packages come from npm by `npm pack`. Run it on an idle machine.
"""

import base64
import gzip
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from playwright.sync_api import Page, Route, sync_playwright

from kdsr import degrade_picture, find_task
from kdsr.image import read_picture, to_tensor
from kdsr.metrics.measure import measure
from kdsr.settings import Settings
from kdsr.ui.live.files import SCRIPTS, public_binary, public_graph
from kdsr.zoo import Catalog

PACKAGES = {
    "@tensorflow/tfjs": "4.11.0",
    "@tensorflow/tfjs-backend-wasm": "4.11.0",
    "upscaler": "1.0.0",
    "@upscalerjs/esrgan-slim": "1.0.0",
}
SCRIPT_TAGS = (
    "tfjs/dist/tf.min.js",
    "tfjs-backend-wasm/dist/tf-backend-wasm.min.js",
    "esrgan-slim/dist/umd/models/esrgan-slim/src/x2/index.min.js",
    "esrgan-slim/dist/umd/models/esrgan-slim/src/x4/index.min.js",
    "upscaler/dist/browser/umd/upscaler.min.js",
)
PEER = "esrgan-slim"
SIDE_PX, WARM = 128, 3
HOST = "http://benchmark.invalid/"

PAGE = """async ({ graphs }) => {
  tf.wasm.setWasmPaths("/tfjs-backend-wasm/dist/");
  tf.wasm.setThreadsCount(1);
  await tf.setBackend("wasm");
  const ort = await import("/live/ort.wasm.min.mjs");
  ort.env.wasm.wasmBinary = await (await fetch("/binary.wasm")).arrayBuffer();
  ort.env.wasm.numThreads = 1;
  const pixelsOf = (text) => Uint8Array.from(atob(text), (byte) => byte.charCodeAt(0));
  const textOf = (bytes) => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  const runs = {};
  for (const scale of [2, 4]) {
    const path = `/esrgan-slim/models/x${scale}/model.json`;
    const upscaler = new Upscaler({ model: { ...window[`ESRGANSlim${scale}x`], path } });
    runs[`esrgan-slim x${scale}`] = async (pixels, height, width) => {
      const given = tf.tensor3d(pixels, [height, width, 3], "int32");
      const made = await upscaler.upscale(given, { output: "tensor" });
      const restored = tf.tidy(() => made.round().clipByValue(0, 255).toInt());
      const bytes = await restored.data();
      for (const tensor of [given, made, restored]) tensor.dispose();
      return Uint8Array.from(bytes);
    };
  }
  for (const [name, address] of Object.entries(graphs)) {
    const bytes = new Uint8Array(await (await fetch(address)).arrayBuffer());
    const session = await ort.InferenceSession.create(bytes, { executionProviders: ["wasm"] });
    runs[name] = async (pixels, height, width) => {
      const image = new ort.Tensor("uint8", pixels, [height, width, 3]);
      return (await session.run({ image })).restored.getData();
    };
  }
  window.restored = async (name, text, height, width) => textOf(await runs[name](pixelsOf(text), height, width));
  window.timed = async (names, text, side, rounds) => {
    const pixels = pixelsOf(text), taken = Object.fromEntries(names.map((name) => [name, []]));
    for (let round = 0; round < rounds; round += 1) {
      for (const name of names) {
        const begun = performance.now();
        await runs[name](pixels, side, side);
        taken[name].push(performance.now() - begun);
      }
    }
    return taken;
  };
  return tf.getBackend();
}"""


def main(set5: Annotated[Path | None, typer.Option()] = None, repeats: int = 15) -> None:
    """Print the times, the ratios, and with Set5 the PSNR."""
    catalog = Catalog(Settings().weights_dir)
    names = [f"sr_x{scale}-student-{shape}" for scale in (2, 4) for shape in ("32x7", "16x7")]
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        settings = Settings(home=Path(folder) / "home", device="cpu", threads=1)
        files = fetched(Path(folder) / "npm") | ours(names, catalog, settings)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = opened(browser.new_page(), files)
        graphs = {name: f"/{name}.onnx" for name in names}
        assert page.evaluate(PAGE, {"graphs": graphs}) == "wasm"
        told_times(page, [f"{PEER} x4", *(name for name in names if "x4" in name)], repeats)
        if set5 is not None:
            for scale in (2, 4):
                of_scale = [f"{PEER} x{scale}", *(name for name in names if f"x{scale}" in name)]
                told_quality(page, of_scale, sorted(set5.glob("*.png")), scale)
        browser.close()


def fetched(folder: Path) -> dict[str, Path]:
    """The files of the peer's packages, by their place below the page."""
    folder.mkdir()
    packages = [f"{name}@{version}" for name, version in PACKAGES.items()]
    subprocess.run(["npm", "pack", "--silent", *packages], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    files = {}
    for archive in folder.glob("*.tgz"):
        name = next(one.split("/")[-1] for one in sorted(PACKAGES, key=len, reverse=True) if _stem(one) in archive.name)
        with tarfile.open(archive) as opened_archive:
            opened_archive.extractall(folder / name, filter="data")
        root = folder / name / "package"
        files |= {f"{name}/{path.relative_to(root)}": path for path in root.rglob("*") if path.is_file()}
    return files


def _stem(package: str) -> str:
    """How `npm pack` begins the name of an archive, with the dash before the version."""
    return package.removeprefix("@").replace("/", "-") + f"-{PACKAGES[package]}"


def ours(names: list[str], catalog: Catalog, settings: Settings) -> dict[str, Path]:
    """ONNX Runtime Web and the students' graphs, by their place below the page."""
    binary = settings.home / "binary.wasm"
    settings.home.mkdir()
    binary.write_bytes(gzip.decompress(public_binary(settings).read_bytes()))
    graphs = {f"{name}.onnx": public_graph(catalog.find(name), catalog, settings) for name in names}
    runtime = SCRIPTS / "onnxruntime-web"
    return graphs | {"binary.wasm": binary} | {f"live/{path.name}": path for path in runtime.glob("*.mjs")}


def opened(page: Page, files: dict[str, Path]) -> Page:
    """A page that has the peer's scripts; nothing comes from the network."""

    def answer(route: Route) -> None:
        place = route.request.url.removeprefix(HOST).split("?")[0]
        if not place:
            tags = "".join(f'<script src="/{tag}"></script>' for tag in SCRIPT_TAGS)
            route.fulfill(body=f"<!doctype html><title>UpscalerJS</title>{tags}", content_type="text/html")
        elif place in files:
            kinds = {".mjs": "text/javascript", ".js": "text/javascript", ".wasm": "application/wasm"}
            kind = kinds.get(files[place].suffix, "application/octet-stream")
            route.fulfill(body=files[place].read_bytes(), content_type=kind)
        else:
            route.fulfill(status=404)

    page.set_default_timeout(600_000)
    page.route("**/*", answer)
    page.goto(HOST)
    return page


def told_times(page: Page, names: list[str], repeats: int) -> None:
    """Print the median of each, and how much faster ours are."""
    pixels = np.random.default_rng(0).integers(0, 256, (SIDE_PX, SIDE_PX, 3), np.uint8)
    taken: dict[str, Any] = page.evaluate(
        "(given) => timed(...given)", [names, text_of(pixels), SIDE_PX, WARM + repeats]
    )
    medians = {name: float(np.median(times[WARM:])) for name, times in taken.items()}
    for name, median in medians.items():
        typer.echo(f"{name:24} {median:8.1f} ms   {medians[names[0]] / median:5.1f}x")


def told_quality(page: Page, names: list[str], photographs: list[Path], scale: int) -> None:
    """Print the mean PSNR of each."""
    task = find_task(f"sr_x{scale}")
    values: dict[str, list[float]] = {name: [] for name in names}
    for path in photographs:
        degraded = degrade_picture(read_picture(path, Settings()), task)
        small, truth = degraded.picture.pixels, degraded.truth
        for name in names:
            text = page.evaluate("(given) => restored(...given)", [name, text_of(small), *small.shape[:2]])
            pixels = np.frombuffer(base64.b64decode(text), np.uint8).reshape(truth.pixels.shape)
            restored = replace(truth, pixels=pixels.copy())
            values[name].append(measure(to_tensor(restored), to_tensor(truth), task).psnr_db)
    for name, each in values.items():
        typer.echo(f"{name:24} {np.mean(each):6.2f} dB on {len(each)} pictures")


def text_of(pixels: np.ndarray) -> str:
    """The pixels as the browser takes them."""
    return base64.b64encode(np.ascontiguousarray(pixels).tobytes()).decode()


if __name__ == "__main__":
    typer.run(main)
