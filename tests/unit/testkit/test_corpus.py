"""Protects: the corpus benchmark reports what is wrong, and only that."""

import pytest
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from testkit.corpus import SIDE, Drawing, Kind, compare, difference, has_content, is_blank


def text_page(width: int = 420, height: int = 594) -> Image.Image:
    page = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(page)
    for line in range(30):
        draw.text((30, 30 + 17 * line), f"{line} An ordinary line of text, number {line * 7919}", fill="black")
    return page


PAGE = text_page()
BLANK = Image.new("RGB", PAGE.size, "white")


def drawn(*pages: Image.Image, program: str = "reference") -> Drawing:
    return Drawing(program, pages)


def failed(problem: str, program: str = "decoder") -> Drawing:
    return Drawing(program, (), problem, "a sentence")


@pytest.mark.parametrize(
    "similar",
    [
        pytest.param(PAGE, id="equal"),
        pytest.param(PAGE.resize((840, 1188)), id="another size"),
        pytest.param(PAGE.filter(ImageFilter.GaussianBlur(0.7)), id="antialiased"),
        pytest.param(ImageChops.offset(PAGE, 1, 1), id="shifted by one pixel"),
        pytest.param(PAGE.convert("L"), id="grey"),
        pytest.param(PAGE.point(lambda level: min(255, level + 10)), id="slightly brighter"),
    ],
)
def test_a_similar_page_does_not_differ(similar: Image.Image) -> None:
    assert compare("page", drawn(similar), [drawn(PAGE)]).kind is Kind.SAME


def without_a_line() -> Image.Image:
    page = PAGE.copy()
    ImageDraw.Draw(page).rectangle((20, 300, 400, 335), fill="white")
    return page


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(without_a_line(), id="two lines are missing"),
        pytest.param(ImageChops.invert(PAGE), id="inverted"),
        pytest.param(PAGE.point(lambda level: level // 16), id="nearly black"),
        pytest.param(PAGE.transpose(Image.Transpose.ROTATE_90), id="on its side"),
        pytest.param(PAGE.transpose(Image.Transpose.FLIP_TOP_BOTTOM), id="mirrored"),
        pytest.param(PAGE.crop((0, 0, 420, 300)), id="half of the page"),
    ],
)
def test_a_wrong_page_differs(wrong: Image.Image) -> None:
    row = compare("page", drawn(wrong), [drawn(PAGE)])
    assert row.kind is Kind.DIFFERENT
    assert row.reason.startswith("over ")


def test_difference_is_symmetric() -> None:
    assert difference(PAGE, BLANK) == difference(BLANK, PAGE) > 0.1
    assert difference(PAGE, PAGE) == 0


def test_blank_and_content_are_distinguished() -> None:
    assert is_blank(BLANK)
    assert has_content(PAGE)
    assert not is_blank(PAGE)
    assert not has_content(BLANK)


@pytest.mark.parametrize(
    ("decoded", "references", "kind"),
    [
        (failed("decoder-crashed"), [drawn(PAGE)], Kind.CRASH),
        (failed("decoder-crashed"), [], Kind.CRASH),
        (failed("decoder-timeout"), [failed("time-out", "reference")], Kind.TIMEOUT),
        (drawn(BLANK), [drawn(PAGE)], Kind.BLANK),
        (drawn(BLANK), [drawn(BLANK)], Kind.SAME),
        (failed("corrupt-document"), [drawn(PAGE)], Kind.REFUSED),
        (failed("corrupt-document"), [failed("refused", "one"), drawn(PAGE)], Kind.REFUSED),
        (failed("corrupt-document"), [failed("refused", "one")], Kind.REFUSED_BY_ALL),
        (failed("corrupt-document"), [drawn(BLANK)], Kind.REFUSED_BY_ALL),
        (drawn(PAGE), [failed("refused", "one")], Kind.DECODER_ONLY),
        (drawn(PAGE), [drawn(BLANK)], Kind.DECODER_ONLY),
        (drawn(PAGE), [], Kind.NO_REFERENCE),
        (failed("unsupported-format"), [], Kind.NO_REFERENCE),
    ],
)
def test_outcomes_are_classified(decoded: Drawing, references: list[Drawing], kind: Kind) -> None:
    row = compare("document", decoded, references)
    assert row.kind is kind
    assert row.reason == decoded.problem or not decoded.problem
    assert kind.is_finding is (kind in list(Kind)[:5])


def test_a_page_like_that_of_any_reference_does_not_differ() -> None:
    row = compare("page", drawn(PAGE), [drawn(BLANK, program="one"), drawn(PAGE, program="two")])
    assert (row.kind, row.detail) == (Kind.SAME, "compared with two")


def test_the_worst_page_decides() -> None:
    row = compare("pages", drawn(PAGE, without_a_line()), [drawn(PAGE, PAGE)])
    assert row.kind is Kind.DIFFERENT
    assert row.thumbnails[0] != row.thumbnails[1]


def test_a_blank_page_behind_another_is_found() -> None:
    assert compare("pages", drawn(PAGE, BLANK), [drawn(PAGE, PAGE)]).kind is Kind.BLANK


def test_pages_that_no_reference_draws_are_not_compared() -> None:
    assert compare("pages", drawn(PAGE, BLANK), [drawn(PAGE)]).kind is Kind.SAME


def test_thumbnails_in_a_file_are_not_mistaken_for_its_pages() -> None:
    assert compare("pages", drawn(PAGE), [drawn(BLANK, PAGE)]).kind is Kind.SAME


def test_row_has_json_fields() -> None:
    row = compare("a/b.pdf", failed("corrupt-document"), [drawn(PAGE), failed("refused", "other")])
    assert row.to_fields() == {
        "name": "a/b.pdf",
        "kind": "refused",
        "reason": "corrupt-document",
        "detail": "a sentence",
        "references": {"reference": "drawn", "other": "refused"},
        "difference": None,
        "seconds": 0.0,
    }
    decoded, reference = row.thumbnails
    assert decoded is None
    assert reference is not None
    assert max(reference.size) == SIDE
