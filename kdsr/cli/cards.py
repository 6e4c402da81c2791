"""`kdsr card`: the figures and latencies of a card, measured, written and checked."""

from typing import TYPE_CHECKING, Annotated

import typer

from kdsr.cli.options import Data, Name, RunOn, RuntimeName, note, open_catalog, shown

if TYPE_CHECKING:
    from kdsr.bench.look_figures import LookCheck
    from kdsr.bench.verify import Check
    from kdsr.zoo import Card, Catalog, Figure, LookFigure


def card_verify(context: typer.Context, name: Name, data: Data, runtime: RunOn = RuntimeName.TORCH) -> None:
    """Measure every figure of a card again; exit code 1 if one is off by more than 0.01 dB or 0.0005 SSIM, or
    could not be measured here.

    Figures for looks, where the card has them, are measured again as well, each with the tolerance of its kind.
    """
    from kdsr.bench.look_figures import LookCheck, verify_card_looks
    from kdsr.bench.verify import Check, verify_card

    catalog = open_catalog(context.obj)

    def tell(check: Check) -> None:
        stated, found = check.stated, check.measured
        card = f"{_what(stated):<27} card {stated.psnr_db:8.4f} dB {stated.ssim:.6f}"
        if found is None:
            print(f"{card}   not measured: {data / stated.set} is missing")
            return
        gaps = f"{found.psnr_db - stated.psnr_db:+.4f} dB {found.ssim - stated.ssim:+.6f}"
        print(f"{card}   measured {found.psnr_db:8.4f} dB {found.ssim:.6f}   {gaps}   {_verdict(check)}")

    card = catalog.find(name)
    checks = verify_card(card, data, catalog, context.obj, runtime=runtime.value, on_check=tell)
    looks = verify_card_looks(card, data, catalog, context.obj, runtime=runtime.value, on_check=_tell_look)
    both: list[Check | LookCheck] = [*checks, *looks]
    unmeasured = sum(check.measured is None for check in both)
    off = sum(not check.holds for check in both) - unmeasured
    if off:
        note(f"{off} of {len(both)} figures of {name} do not hold.")
    if unmeasured:
        note(f"{unmeasured} of {len(both)} figures of {name} could not be measured; the lines above say why.")
    if off or unmeasured:
        raise typer.Exit(1)


def _verdict(check: "Check | LookCheck") -> str:
    return "ok" if check.holds else "OFF"


def _tell_look(check: "LookCheck") -> None:
    """One line on a figure for looks: as stated, as measured again, and whether it holds."""
    line = f"{_what(check.stated):<24} card {_look(check.stated)}"
    if check.measured is None:
        print(f"{line}   not measured: {check.missing}")
    else:
        print(f"{line}   measured {check.measured.mean:g}   {_verdict(check)}")


def card_measure(
    context: typer.Context,
    name: Name,
    data: Data,
    looks: Annotated[
        bool, typer.Option("--looks", help="Measure the figures for looks, in place of PSNR and SSIM.")
    ] = False,
) -> None:
    """Measure the standard figures of a network's task and write them into its card."""
    from kdsr.bench.look_figures import measure_card_looks
    from kdsr.bench.verify import measure_card

    catalog = open_catalog(context.obj)
    if looks:
        card, missing = measure_card_looks(
            catalog.find(name),
            data,
            catalog,
            context.obj,
            on_figure=lambda f: print(f"{_what(f):<24} {_look(f)}", flush=True),
        )
        _write_card(card, catalog)
        if missing:
            note(f"Not measured here: {', '.join(missing)}.")
        return
    card, missing = measure_card(
        catalog.find(name),
        data,
        catalog,
        context.obj,
        on_figure=lambda f: print(f"{_what(f):<27} {f.psnr_db:8.4f} dB {f.ssim:.6f}", flush=True),
    )
    _write_card(card, catalog)
    if missing:
        note(f"Skipped, because they are not in {data}: {', '.join(missing)}.")


def card_latency(
    context: typer.Context,
    name: Name,
    side: Annotated[int, typer.Option(help="Side of the square input in pixels.", min=1)] = 256,
    repeats: Annotated[int, typer.Option(help="Timed runs; the median is kept.", min=1)] = 15,
) -> None:
    """Measure a network's latency on this machine, by every runtime that computes what the card says, and write it into
    its card.
    """
    from kdsr.bench.latency import measure_card_latency

    catalog = open_catalog(context.obj)
    card, taken = measure_card_latency(
        catalog.find(name), catalog, context.obj, side_px=side, repeats=repeats, tell=note
    )
    for one in taken:
        size = f"{one.input_width_px} x {one.input_height_px} in"
        place = f"{one.runtime}, {one.device} ({one.machine}), {one.threads} threads, {one.precision}, {size}"
        print(f"{place}: network {one.network_ms:.1f} ms, end to end {one.end_to_end_ms:.1f} ms")
    _write_card(card, catalog)


def _write_card(card: "Card", catalog: "Catalog") -> None:
    from kdsr.zoo import write_card

    print(f"Written: {write_card(card, catalog.weights_path(card).with_suffix('.json'))}")


def _look(figure: "LookFigure") -> str:
    """The figure's title, mean and worst picture."""
    from kdsr.metrics.looks import find_look, look_text

    mean, worst = (look_text(figure.look, value) for value in (figure.mean, figure.worst))
    return f"{find_look(figure.look).title:<14} {mean:>9} (worst {worst}, {figure.worst_picture})"


def _what(figure: "Figure | LookFigure") -> str:
    if figure.strength is None:
        return figure.set
    words = f"{figure.set} {figure.strength_name} {shown(figure.strength)}"
    noise = getattr(figure, "noise", None)  # figures for looks have none
    return f"{words} {noise}" if noise else words
