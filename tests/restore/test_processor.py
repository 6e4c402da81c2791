"""The processor: its name and instruction sets, read from its flags."""

import pytest

from kdsr.restore.processor import cuts_byte_sums, lacks_bfloat16, processor_kind, processor_name


@pytest.mark.parametrize(
    ("flags", "cuts", "lacks", "kind"),
    [
        ("fma avx2", True, True, ", AVX2"),
        ("avx2 avx_vnni", False, True, ", AVX-VNNI"),
        ("avx2 avx512f", True, True, ", AVX-512"),
        ("avx2 avx512f avx512_vnni", False, True, ", AVX-512 VNNI"),
        ("avx2 avx512f avx512_vnni avx512_bf16", False, False, ", AVX-512 VNNI"),
        ("avx2 avx512f avx512_vnni amx_bf16 amx_tile", False, False, ", AMX"),
        ("sse2", False, True, ""),
        ("", False, False, ""),
    ],
)
def test_what_a_processor_computes_is_read_from_its_flags(monkeypatch, flags, cuts, lacks, kind):
    text = f"processor\t: 0\nmodel name\t: A processor\nflags\t\t: {flags}\n\nprocessor\t: 1\nflags\t\t: avx512_vnni\n"
    monkeypatch.setattr("pathlib.Path.read_text", lambda path, **how: text)
    assert (cuts_byte_sums(), lacks_bfloat16(), processor_name(), processor_kind()) == (
        cuts,
        lacks,
        "A processor",
        f"A processor{kind}",
    )
