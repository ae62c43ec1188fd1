"""Made-up text in several languages: names, companies, addresses, sentences, amounts."""

from datetime import datetime
from functools import cache

import numpy as np
from faker import Faker

LOCALES = ("en_US", "en_GB", "fr_FR", "de_DE", "es_ES", "it_IT", "nl_NL", "pt_BR", "en_US")
CURRENCIES = ("$", "€", "£", "USD ", "EUR ", "RM ", "CHF ", "")
LAST_DAY = datetime(2026, 1, 1)  # noqa: DTZ001 -- printed dates have no time zone
"""Latest date on a page. A fixed day, because pages must not change from day to day."""


@cache
def _faker(locale: str) -> Faker:
    return Faker(locale, use_weighting=False)


class Words:
    """Random text in one language."""

    def __init__(self, rng: np.random.Generator, locale: str | None = None) -> None:
        self.rng = rng
        self.locale = locale or str(rng.choice(LOCALES))
        self.fake = _faker(self.locale)
        self.fake.seed_instance(int(rng.integers(2**32)))
        self.currency = str(rng.choice(CURRENCIES))
        self.comma = self.language != "en" and rng.random() < 0.8

    @property
    def language(self) -> str:
        """The two-letter language code, which is the key of the terms."""
        return self.locale[:2]

    def phrase(self, low: int = 2, high: int = 6) -> str:
        """Return a few words with an initial capital and no full stop."""
        return " ".join(self.fake.words(int(self.rng.integers(low, high + 1)))).capitalize()

    def sentence(self, words: int = 12) -> str:
        """Return a sentence of about `words` words."""
        return self.fake.sentence(words)

    def paragraph(self, words: int = 80) -> str:
        """Return sentences of about `words` words in total."""
        count = max(1, words // 13)
        return " ".join(self.fake.sentence(int(n)) for n in self.rng.integers(6, 20, count))

    def person(self) -> str:
        """Return a full name."""
        return self.fake.name()

    def firm(self) -> str:
        """Return a company's name."""
        return self.fake.company()

    def address(self) -> list[str]:
        """Return an address as lines."""
        return self.fake.address().split("\n")

    def amount(self, low: float = 1, high: float = 900) -> str:
        """Return a price without its currency, in the language's number format."""
        value = float(np.exp(self.rng.uniform(np.log(low), np.log(high))))
        text = f"{value:,.2f}"
        return text.translate(str.maketrans(",.", ".,")) if self.comma else text

    def money(self, low: float = 1, high: float = 900) -> str:
        """Return a price with its currency."""
        return f"{self.currency}{self.amount(low, high)}"

    def date(self) -> str:
        """Return a date in a common format."""
        style = str(self.rng.choice(["%d/%m/%Y", "%d.%m.%Y", "%Y-%m-%d", "%B %d, %Y", "%d %b %Y", "%m/%d/%y"]))
        return self.fake.date_object(LAST_DAY).strftime(style)

    def number(self, digits: int) -> str:
        """Return `digits` random digits."""
        return "".join(map(str, self.rng.integers(0, 10, digits)))

    def one_of(self, *choices: str) -> str:
        """Return one of the choices."""
        return choices[self.rng.integers(len(choices))]
