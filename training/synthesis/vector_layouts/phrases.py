"""Random text of pages: names, addresses, amounts and prose in six languages.

Names and places come from faker. No code here reads the clock, so a seed gives the same page on any day.
"""

from datetime import date, timedelta
from functools import cache
from random import Random

from faker import Faker

from training.synthesis.vector_layouts import sentences

LOCALES = {
    "en": ("en_GB", "en_US", "en_US"),
    "fr": ("fr_FR",),
    "de": ("de_DE",),
    "es": ("es_ES",),
    "it": ("it_IT",),
    "pt": ("pt_BR",),
}
LANGUAGES = tuple(LOCALES)

MONTHS = {
    "en": "January February March April May June July August September October November December",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "pt": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
}
_LONG_DATES = {"de": "{d}. {m} {y}", "es": "{d} de {m} de {y}", "pt": "{d} de {m} de {y}"}
_CURRENCIES = {"en_GB": "£", "en_US": "$", "pt_BR": "R$"}
_PHONES = ("+## ### ### ###", "0## ### ## ##", "(###) ###-####", "0#### ######")


@cache
def _faker(locale: str) -> Faker:
    return Faker(locale)


class VectorWords:
    """The text of one page, in one language."""

    def __init__(self, rng: Random, language: str | None = None) -> None:
        self._rng = rng
        # Half of the pages or more are in English, the most frequent language of documents.
        self.language = language or rng.choice(("en", "en", "en", *LANGUAGES))
        self.locale = rng.choice(LOCALES[self.language])
        self.currency = _CURRENCIES.get(self.locale, "€")
        self.faker = _faker(self.locale)
        self.faker.seed_instance(rng.getrandbits(64))
        self._unused: dict[str, list[str]] = {}

    def name(self) -> str:
        """Return a first and last name."""
        return f"{self.faker.first_name()} {self.faker.last_name()}"

    def company(self) -> str:
        """Return a company's name."""
        return self.faker.company()

    def address(self) -> list[str]:
        """Return the lines of a postal address."""
        return [line for line in self.faker.address().splitlines() if line]

    def day(self, first: int = 2012, last: int = 2025) -> date:
        """Return a day in the years from `first` to `last`."""
        return date(first, 1, 1) + timedelta(days=self._rng.randrange((last - first + 1) * 365))

    def dated(self, day: date, *, long: bool = False) -> str:
        """Format a day as is usual in the language."""
        if long:
            month = MONTHS[self.language].split()[day.month - 1]
            pattern = "{m} {d}, {y}" if self.locale == "en_US" else _LONG_DATES.get(self.language, "{d} {m} {y}")
            return pattern.format(d=day.day, m=month, y=day.year)
        if self.locale == "en_US":
            return f"{day:%m/%d/%Y}"
        return f"{day:%d.%m.%Y}" if self.language == "de" else f"{day:%d/%m/%Y}"

    def amount(self, value: float) -> str:
        """Format a number with two decimals, without currency."""
        text = f"{value:,.2f}"
        return text if self.language == "en" else text.translate(str.maketrans(",.", ".,"))

    def money(self, value: float) -> str:
        """Format an amount of money."""
        amount = self.amount(value)
        return f"{amount} €" if self.currency == "€" else f"{self.currency}{amount}"

    def digits(self, pattern: str) -> str:
        """Replace each # of a pattern by a digit."""
        return "".join(str(self._rng.randrange(10)) if mark == "#" else mark for mark in pattern)

    def phone(self) -> str:
        """Return a telephone number."""
        return self.digits(self._rng.choice(_PHONES))

    def mail(self, name: str) -> str:
        """Return an e-mail address for a name, at a domain that does not exist."""
        return ".".join(self.plain(name).lower().split()) + "@example.org"

    @staticmethod
    def plain(text: str) -> str:
        """Keep the unaccented letters, digits and spaces of a text."""
        return "".join(c for c in text if c.isascii() and (c.isalnum() or c == " "))

    def sentences(self, genre: str, count: int) -> list[str]:
        """Return sentences of a genre (see `sentences.SENTENCES`), without repetition until all are used."""
        chosen = []
        for _ in range(count):
            unused = self._unused.setdefault(genre, [])
            if not unused:
                pool = sentences.SENTENCES[genre].get(self.language) or sentences.SENTENCES[genre]["en"]
                unused += self._rng.sample(pool, len(pool))
            chosen.append(self._fill(unused.pop()))
        return chosen

    def passage(self, genre: str, count: int) -> str:
        """Return sentences of a genre as running text."""
        return " ".join(self.sentences(genre, count))

    def _fill(self, sentence: str) -> str:
        """Replace {slots} with words of `sentences.SLOTS`, and {n} with a number."""
        while "{" in sentence:
            start, end = sentence.index("{"), sentence.index("}")
            slot = sentence[start + 1 : end]
            word = str(self._rng.randint(2, 98)) if slot == "n" else self._rng.choice(sentences.SLOTS[slot])
            sentence = sentence[:start] + word + sentence[end + 1 :]
        return sentence
