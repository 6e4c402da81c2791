"""`kdsr card`: the figures and latencies of a card, measured, written and checked."""

from typing import TYPE_CHECKING, Annotated

import typer

from kdsr.cli.options import Data, Name, RunOn, RuntimeName, note, open_catalog, shown

if TYPE_CHECKING:
    from kdsr.zoo import Card, Catalog, Figure


def card_verify(context: typer.Context, name: Name, data: Data, runtime: RunOn = RuntimeName.TORCH) -> None:
    """Measure every figure of a card again; exit code 1 if one is off by more than 0.01 dB or 0.0005 SSIM."""
    from kdsr.bench.verify import Check, verify_card

    catalog = open_catalog(context.obj)

    def tell(check: Check) -> None:
        stated, found = check.stated, check.measured
        verdict = "ok" if check.holds else "OFF"
        card = f"{_what(stated):<24} card {stated.psnr_db:8.4f} dB {stated.ssim:.6f}"
        if found is None:
            print(f"{card}   not measured: {data / stated.set} is missing   {verdict}")
            return
        gaps = f"{found.psnr_db - stated.psnr_db:+.4f} dB {found.ssim - stated.ssim:+.6f}"
        print(f"{card}   measured {found.psnr_db:8.4f} dB {found.ssim:.6f}   {gaps}   {verdict}")

    checks = verify_card(catalog.find(name), data, catalog, context.obj, runtime=runtime.value, on_check=tell)
    off = sum(not check.holds for check in checks)
    if off:
        note(f"{off} of {len(checks)} figures of {name} do not hold.")
        raise typer.Exit(1)


def card_measure(context: typer.Context, name: Name, data: Data) -> None:
    """Measure the standard figures of a network's task and write them into its card."""
    from kdsr.bench.verify import measure_card

    catalog = open_catalog(context.obj)
    card, missing = measure_card(
        catalog.find(name),
        data,
        catalog,
        context.obj,
        on_figure=lambda f: print(f"{_what(f):<24} {f.psnr_db:8.4f} dB {f.ssim:.6f}", flush=True),
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
    card, taken = measure_card_latency(catalog.find(name), catalog, context.obj, side_px=side, repeats=repeats)
    for one in taken:
        size = f"{one.input_width_px} x {one.input_height_px} in"
        place = f"{one.runtime}, {one.device} ({one.machine}), {one.threads} threads, {one.precision}, {size}"
        print(f"{place}: network {one.network_ms:.1f} ms, end to end {one.end_to_end_ms:.1f} ms")
    _write_card(card, catalog)


def _write_card(card: "Card", catalog: "Catalog") -> None:
    from kdsr.zoo import write_card

    print(f"Written: {write_card(card, catalog.weights_path(card).with_suffix('.json'))}")


def _what(figure: "Figure") -> str:
    return figure.set if figure.strength is None else f"{figure.set} {figure.strength_name} {shown(figure.strength)}"
