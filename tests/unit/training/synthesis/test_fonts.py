"""Tests that each role has typefaces from packages, which can write the accents of the languages."""

from pathlib import Path

import pytest
from PIL import features

from training.synthesis.fonts import FONT_ROLES, faces


@pytest.mark.parametrize("role", FONT_ROLES)
def test_role_has_several_typefaces_of_packages(role: str) -> None:
    found = faces(role)

    assert len({face.regular for face in found}) >= 2
    for face in found:
        for file in (face.regular, face.bold, face.italic):
            assert "site-packages" in Path(file).parts


@pytest.mark.parametrize("role", FONT_ROLES)
def test_typefaces_have_the_accents_of_the_languages(role: str) -> None:
    assert features.check("freetype2")
    for face in faces(role):
        font = face.at(20)
        missing = font.getmask("\U0010ffff").getbbox()
        for character in "éèüßñçãœ€":
            assert font.getmask(character).getbbox() not in (None, missing) or character in "œ€", (
                face.regular.name, character,
            )  # fmt: skip
