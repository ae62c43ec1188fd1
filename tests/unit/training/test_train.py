import pytest
import torch
from torch import Tensor

from training.augmented_pages import LabelledBatch
from training.recipe import Distillation, Recipe, Schedule
from training.train import _is_mixed, _loss, _uses_bf16


def _brightness(pages: Tensor) -> Tensor:
    """Return probabilities of two classes that are linear in the brightness of the pages."""
    share = pages.float().mean((1, 2, 3)) / 255
    return torch.stack([share, 1 - share], dim=1)


@pytest.mark.parametrize("seed", range(4))
def test_mixed_pages_have_the_mixed_probabilities_of_the_teacher(seed: int) -> None:
    """A student that imitates a teacher on mixed pages has no loss only if the stored probabilities are mixed alike."""
    torch.manual_seed(seed)
    pages = torch.linspace(10, 245, 8).to(torch.uint8)[:, None, None, None].expand(-1, 4, 4, 3).contiguous()
    batch = LabelledBatch(pages, torch.zeros(8, dtype=torch.int64), _brightness(pages))
    recipe = Recipe(
        version="v9",
        architecture="resnet18",
        schedule=Schedule(mixup=5),
        distillation=Distillation(weight=1, temperature=1),
    )
    seen: list[Tensor] = []

    def imitate(mixed: Tensor) -> Tensor:
        seen.append(mixed)
        return _brightness(mixed).log()

    loss = _loss(imitate, batch, (4, 4), 2, recipe, _never_asked)
    assert float(loss) == pytest.approx(0, abs=1e-3)
    assert not torch.equal(seen[0], pages)


class _NeverAsked:
    size = (4, 4)

    def __call__(self, pages: Tensor, temperature: float) -> Tensor:
        raise AssertionError("the teacher has seen these pages before")


_never_asked = _NeverAsked()


@pytest.mark.parametrize(("share", "expected"), [(0.0, 0), (0.5, 100), (1.0, 200)])
def test_share_of_the_batches_is_mixed(share: float, expected: int) -> None:
    torch.manual_seed(1)
    schedule = Schedule(mixup=0.4, mixup_share=share)
    assert sum(_is_mixed(schedule) for _ in range(200)) == pytest.approx(expected, abs=25 if share == 0.5 else 0)


def test_recipes_that_mix_every_batch_or_none_draw_no_further_random_number() -> None:
    """Their networks are those of earlier releases."""
    before = torch.get_rng_state()
    assert _is_mixed(Schedule(mixup=0.4))
    assert not _is_mixed(Schedule())
    assert torch.equal(torch.get_rng_state(), before)


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
