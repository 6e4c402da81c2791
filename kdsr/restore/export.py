"""ONNX files of a network: written once, checked against torch before they are used, found by the card's SHA-256.

Two files each: `NAME.onnx` takes and gives floats, `NAME.uint8.onnx` 8-bit pictures (see `graph`). They carry the name,
the SHA-256 of the weights, task, scale, multiple, halo, precision and licence in their metadata. torch is imported when
one is written; running one needs no torch.
"""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from kdsr.errors import InputError, SettingsError, WeightsError
from kdsr.files import replaced
from kdsr.restore.openvino_session import OpenvinoSession
from kdsr.restore.session import INPUT, OUTPUT, Session, metadata_of, open_session
from kdsr.settings import Settings
from kdsr.zoo import Card, Catalog

if TYPE_CHECKING:
    from kdsr.models import Network

LARGEST_DIFFERENCE = 1e-4
"""Between the float graph and torch, on a scale of [0, 1]."""
LARGEST_LEVELS = 1
"""Between the 8-bit graph and torch, of 255: a value on the border of two levels may fall to either side."""
INTEGER_LEVELS = 2
"""As both, for a network of integers: a value halfway between two levels may be rounded either way."""
LOWEST_PSNR_DB = 40.0
"""Between torch and a runtime whose arithmetic is not float32: bfloat16 comes to 50 dB and more."""
ONLY_TORCH = ("dat", "ffdnet")
"""Architectures whose steps have no ONNX form: attention over windows, and eigenvalues."""
FORMAT = "2"
"""Counted up when graphs of an older form must not be used any more."""

_LOG = logging.getLogger("kdsr")
AnySession = TypeVar("AnySession", Session, OpenvinoSession)


def export_onnx(card: Card, catalog: Catalog, path: Path) -> Path:
    """Write the network of `card` to `path` (float) and beside it as `.uint8.onnx`; the path of the float graph.

    Raises:
        InputError: `path` does not end in `.onnx`, or cannot be written.
        WeightsError: the weights do not fit the card, or a graph does not compute what torch does.
    """
    path = Path(path)
    if path.suffix != ".onnx":
        raise InputError(f"An ONNX file must end in .onnx, got '{path.name}'; give for example {card.name}.onnx.")
    network = catalog.load(card.name)
    try:
        write_graph(network, card, path, uint8=False)
        write_graph(network, card, path.with_suffix(".uint8.onnx"), uint8=True)
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}); choose another folder.") from error
    return path


def graph_session(
    card: Card, catalog: Catalog, settings: Settings, open_file: Callable[[Path | bytes], AnySession], *, uint8: bool
) -> AnySession:
    """A session, as `open_file` opens it, for the network of `card`: from the file beside its weights, else from the
    one made on first use.

    A file that cannot be read or was made from other weights is not used. The graph is then made from the weights
    again, into the folder `onnx` of `settings.home`; where that cannot be written, it stays in memory, and the log says
    so.

    Raises:
        WeightsError: as in `export_onnx`.
    """
    return _graph(card, catalog, settings, open_file, uint8=uint8)[1]


def graph_file(card: Card, catalog: Catalog, settings: Settings, *, uint8: bool) -> Path:
    """The file that `graph_session` opens, for callers that run it elsewhere; created if missing.

    Raises:
        SettingsError: it cannot be written.
        WeightsError: as in `export_onnx`.
    """
    path = _graph(card, catalog, settings, lambda source: open_session(source, threads=1), uint8=uint8)[0]
    if path is None:
        raise SettingsError(f"The graph of {card.name} cannot be written: free some space, or set KDSR_HOME.")
    return path


def _graph(
    card: Card, catalog: Catalog, settings: Settings, open_file: Callable[[Path | bytes], AnySession], *, uint8: bool
) -> tuple[Path | None, AnySession]:
    """The file of the graph (None: in memory) and a session for it, as `graph_session` says."""
    suffix = ".uint8.onnx" if uint8 else ".onnx"
    made = settings.home / "onnx" / f"{card.sha256}{suffix}"
    for path in (catalog.weights_dir / f"{card.name}{suffix}", made):
        session = _fitting_session(path, card, open_file)
        if session is not None:
            return path, session
    content = _content(catalog.load(card.name), card, uint8=uint8)
    try:
        _write(content, made)
    except OSError as error:
        _LOG.warning("%s cannot be written (%s): the graph of %s is kept in memory", made, error.strerror, card.name)
        return None, open_file(content)
    return made, open_file(made)


def write_graph(network: "Network", card: Card, path: Path, *, uint8: bool) -> None:
    """Write one graph of `network` to `path` in one move, after it was compared with torch.

    Raises:
        WeightsError: it differs by more than `LARGEST_DIFFERENCE`, or `LARGEST_LEVELS` for 8 bits.
        SettingsError: a network that runs only in torch.
        OSError: `path` cannot be written.
    """
    _write(_content(network, card, uint8=uint8), path)


def _content(network: "Network", card: Card, *, uint8: bool) -> bytes:
    """The graph as `write_graph` writes it."""
    if card.architecture in ONLY_TORCH:
        raise SettingsError(f"{card.name} runs only in torch and has no ONNX form; take another network.")
    import onnx

    from kdsr.restore.graph import onnx_graph

    model = onnx_graph(network, uint8=uint8)
    about = {"name": card.name, "sha256": card.sha256, "format": FORMAT, "task": card.task, "licence": card.licence}
    about |= {name: str(getattr(network, name)) for name in ("scale", "multiple", "halo")}
    about["precision"] = card.precision
    onnx.helper.set_model_props(model, about)
    content: bytes = model.SerializeToString()
    check_graph(content, network, uint8=uint8)
    return content


def _write(content: bytes, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with replaced(path) as part:
        part.write_bytes(content)


def check_graph(content: bytes, network: "Network", *, uint8: bool) -> None:
    """Compare the graph under ONNX Runtime with `network`; see `check_session`."""
    check_session(open_session(content, threads=1), network, uint8=uint8)


def check_session(
    session: Session | OpenvinoSession, network: "Network", *, uint8: bool, precision: str = "float32"
) -> None:
    """Run `session` and `network` on two random pictures, of unlike sides and of the smallest size, and compare.

    Raises:
        WeightsError: they differ by more than is allowed.
    """
    import torch

    from kdsr.models import is_integer

    random, multiple = np.random.default_rng(0), network.multiple
    allowed = LARGEST_LEVELS if uint8 else LARGEST_DIFFERENCE
    if is_integer(network):
        allowed = INTEGER_LEVELS if uint8 else INTEGER_LEVELS / 255
    for rows, columns in ((13, 17), (1, 1)):
        pixels = random.integers(0, 256, (rows * multiple, columns * multiple, network.planes), np.uint8)
        image = torch.from_numpy(pixels).permute(2, 0, 1)[None].contiguous() / 255
        with torch.no_grad():
            wanted = network(image)[0]
        if uint8:
            wanted = wanted.clamp(0, 1).mul(255).round().permute(1, 2, 0)
        given = session.run([OUTPUT], {INPUT: pixels if uint8 else image.numpy()})[0]
        differences = np.abs(given.astype(np.float64).reshape(wanted.shape) - wanted.numpy())
        if precision == "bfloat16":
            error = float(np.square(differences / (255 if uint8 else 1)).mean())
            agrees, how = error <= 10 ** (-LOWEST_PSNR_DB / 10), f"by {error**0.5:.2g} of the range"
        else:
            agrees, how = differences.max() <= allowed, f"by {differences.max():.2g}"  # NaN must not pass
        if not agrees:
            raise WeightsError(
                f"The ONNX graph differs from the network {how}, too much to be used; "
                "take the runtime torch and report this."
            )


def _fitting_session(path: Path, card: Card, open_file: Callable[[Path | bytes], AnySession]) -> AnySession | None:
    """A session for the graph at `path`, or None if there is no readable one that was made from these weights."""
    if not path.is_file():
        return None
    try:
        session = open_file(path)
    except WeightsError:
        return None
    about = about_graph(session)
    return session if (about.get("sha256"), about.get("format")) == (card.sha256, FORMAT) else None


def about_graph(session: Session | OpenvinoSession) -> Mapping[str, str]:
    """What `write_graph` wrote into a graph about itself."""
    return session.about if isinstance(session, OpenvinoSession) else metadata_of(session)
