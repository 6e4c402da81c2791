"""Starts the page: flags to settings to `build_ui` to `launch`. Nothing happens on import."""

import dataclasses
from typing import Annotated

import typer

from kdsr.errors import KdsrError
from kdsr.settings import PAGE_OUTPUT_MEGAPIXELS, settings_from_environment


def main(
    host: Annotated[
        str, typer.Option(envvar="GRADIO_SERVER_NAME", help="Address to listen on; 0.0.0.0 for all.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(envvar="GRADIO_SERVER_PORT", help="Port to listen on.")] = 7860,
    share: Annotated[bool, typer.Option(help="Also open a public link through gradio's servers.")] = False,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda or cuda:N.")] = None,
    threads: Annotated[
        int | None, typer.Option(help="CPU threads of a network; 0 for all that the container allows.")
    ] = None,
    max_input_megapixels: Annotated[float | None, typer.Option(help="Largest picture that is read.")] = None,
    max_output_megapixels: Annotated[
        float, typer.Option(envvar="KDSR_MAX_OUTPUT_MEGAPIXELS", help="Largest picture that the page makes.")
    ] = PAGE_OUTPUT_MEGAPIXELS,
    max_side_px: Annotated[int | None, typer.Option(help="Longest side of a picture that is read.")] = None,
) -> None:
    """Serve the page on which teacher and student restore the same picture."""
    given = {
        "device": device, "threads": threads, "max_input_megapixels": max_input_megapixels,
        "max_output_megapixels": max_output_megapixels, "max_side_px": max_side_px,
    }  # fmt: skip
    try:
        settings = dataclasses.replace(
            settings_from_environment(), **{name: value for name, value in given.items() if value is not None}
        )
    except KdsrError as error:
        raise typer.BadParameter(str(error)) from error
    from kdsr.ui import serve  # late, so that --help needs neither gradio nor torch

    try:
        serve(settings, host, port, share=share)
    except KdsrError as error:  # a home that cannot be used
        raise typer.BadParameter(str(error)) from error
    except OSError as error:  # the port is taken
        raise typer.BadParameter(
            f"The page cannot be served at {host}:{port} ({error}); choose another --port."
        ) from error


if __name__ == "__main__":
    typer.run(main)
