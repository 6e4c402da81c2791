"""The missing pixels of a picture, from a mask or from its alpha, and the input planes of an inpainting network."""

from dataclasses import replace

import cv2
import numpy as np

from kdsr.errors import InputError, ShapeError
from kdsr.image import Picture, fill_hidden, from_tensor, to_tensor

_OPAQUE = "Inpainting gives no transparency: the result is opaque, also where the picture could be seen through."


def holes_in(picture: Picture, mask: Picture | None = None) -> tuple[Picture, np.ndarray]:
    """`picture` without alpha, and its holes, (H, W) bool, True where a pixel is missing.

    mask: as large as the picture, lighter than mid-grey where a pixel is missing; without one, pixels that are more
        than half transparent are missing.
    Where the picture is transparent and not missing, a note says that the result is not; colour under alpha 0 is taken
    from what is visible near it.
    Raises:
        InputError: a mask of another size, nothing missing, or everything.
    """
    if mask is not None:
        if (mask.width, mask.height) != (picture.width, picture.height):
            raise InputError(
                f"The mask must be as large as the picture, {picture.width} x {picture.height}, and it is "
                f"{mask.width} x {mask.height}; give one of that size, white where pixels are missing."
            )
        holes = mask.pixels.mean(axis=2) > np.iinfo(mask.pixels.dtype).max / 2
    elif picture.alpha is not None:
        holes = picture.alpha < np.iinfo(picture.alpha.dtype).max / 2
    else:
        raise InputError(
            "Nothing says what is missing: give a mask, white where pixels are missing, "
            "or a picture that is transparent there."
        )
    if not holes.any() or holes.all():
        marked = "every pixel" if holes.any() else "nothing"
        raise InputError(f"The mask marks {marked} as missing; mark what is to be filled, and leave the rest.")
    if picture.alpha is None or (picture.alpha[~holes] == np.iinfo(picture.alpha.dtype).max).all():
        return replace(picture, alpha=None), holes
    return replace(fill_hidden(picture), alpha=None, notes=(*picture.notes, _OPAQUE)), holes


def navier_stokes(picture: Picture, holes: np.ndarray) -> Picture:
    """`picture` with `holes` (H, W) filled by OpenCV's Navier-Stokes inpainting, radius 3: the baseline (Bertalmio et
    al., CVPR 2001).

    Channels of 16 bits are filled one by one, as OpenCV does not take them together.
    """
    mask = holes.astype(np.uint8)
    if picture.bits == 8:
        made = cv2.inpaint(np.ascontiguousarray(picture.pixels), mask, 3, cv2.INPAINT_NS)
    else:
        made = np.dstack(
            [
                cv2.inpaint(np.ascontiguousarray(plane), mask, 3, cv2.INPAINT_NS)
                for plane in np.moveaxis(picture.pixels, 2, 0)
            ]
        )
    return replace(picture, pixels=made.reshape(picture.pixels.shape))


def filled(picture: Picture, holes: np.ndarray) -> np.ndarray:
    """The pixels of `picture` with its holes filled from around them, and the mask in full levels as one more plane:
    (H, W, C + 1).

    Raises:
        ShapeError: `holes` is not (H, W).
    """
    import torch

    from kdsr.degrade import fill_holes

    if holes.shape != picture.pixels.shape[:2]:
        raise ShapeError(f"The mask must be as large as the picture, {picture.pixels.shape[:2]}, got {holes.shape}.")
    mask = torch.from_numpy(holes.astype(np.float32))[None, None]
    pixels = from_tensor(fill_holes(to_tensor(picture), mask), picture).pixels
    return np.dstack([pixels, np.where(holes, np.iinfo(pixels.dtype).max, 0).astype(pixels.dtype)])
