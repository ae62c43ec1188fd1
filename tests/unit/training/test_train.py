import pytest
import torch

from training.train import _uses_bf16


@pytest.mark.parametrize(
    ("setting", "capabilities", "expected"),
    [
        (True, {}, True),
        (False, {"avx512_bf16": True}, False),
        ("auto", {"avx512_bf16": True}, True),
        ("auto", {"amx_bf16": True, "avx512_bf16": False}, True),
        ("auto", {"avx2": True}, False),
    ],
)
def test_bf16_is_used_where_the_recipe_or_the_processor_allows_it(
    monkeypatch: pytest.MonkeyPatch, setting: bool | str, capabilities: dict[str, bool], expected: bool
) -> None:
    """Without instructions for it, bf16 is emulated and several times slower."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert _uses_bf16(setting) is expected  # type: ignore[arg-type]


def test_auto_reads_the_capabilities_of_this_processor() -> None:
    assert _uses_bf16("auto") in (True, False)
