"""A search for identities where none may be. Pure: needles from intake's identities, hay of any kind, only counts come out."""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

_WORD = re.compile(r"\w+")
_PHONE = re.compile(r"(?<![\w.])(?:\+33|0033|0)[ .\-]?[1-9](?:[ .\-]?\d\d){4}(?![\w])")
_DAY = re.compile(r"(?<!\d)(?:(\d{4})-(\d\d)-(\d\d)|(\d\d)/(\d\d)/(\d{4}))(?![\dT])")
_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")
# Days that are in events because they are days of an agenda or of a table, not of a birth.
_DAY_FIELDS = re.compile(r"\"(?:on|valid_from|valid_to|from_on|to_on|tariff)\"\s*:\s*\"[^\"]*\"")
_SHORTEST_NAME = 4


@dataclass(frozen=True)
class Identity:
    """What must be found nowhere outside intake. Names are single names (« Le Guellec »), looked for as whole words."""

    names: tuple[str, ...]
    phones: tuple[str, ...] = ()
    birth_date: date | None = None
    addresses: tuple[str, ...] = ()


class Needles:
    """All identities at once, so that a text is read once whatever their number."""

    def __init__(self, identities: Iterable[Identity], *, public_words: Iterable[str] = ()) -> None:
        """`public_words` are names that are public by nature: the team's, the communes'."""
        public = {_normal(word) for words in public_words for word in _WORD.findall(words)}
        self._phrases: dict[str, list[tuple[tuple[str, ...], str]]] = defaultdict(list)
        self._phones: set[str] = set()
        self._days: set[tuple[int, int, int]] = set()
        seen: set[tuple[str, ...]] = set()
        for identity in identities:
            for name in identity.names:
                self._add(_words(name), "name", seen, public)
            for address in identity.addresses:
                street = _words(address.split(",")[0])
                if len(street) >= 3:
                    self._add(street, "address", seen, public)
            self._phones.update(_phone(phone) for phone in identity.phones)
            if identity.birth_date is not None:
                self._days.add((identity.birth_date.year, identity.birth_date.month, identity.birth_date.day))

    def found_in(self, text: str) -> Counter[str]:
        """How many of each kind (name, address, phone, birth_date) are in `text`; never which."""
        counts: Counter[str] = Counter()
        text = _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)
        counts["phone"] += sum(_phone(match[0]) in self._phones for match in _PHONE.finditer(text))
        for match in _DAY.finditer(_DAY_FIELDS.sub("", text)):
            year, month, day = (match[1], match[2], match[3]) if match[1] else (match[6], match[5], match[4])
            counts["birth_date"] += (int(year), int(month), int(day)) in self._days
        words = _words(text)
        for position, word in enumerate(words):
            for phrase, kind in self._phrases.get(word, ()):
                counts[kind] += tuple(words[position : position + len(phrase)]) == phrase
        return +counts

    def _add(self, words: list[str], kind: str, seen: set[tuple[str, ...]], public: set[str]) -> None:
        phrase = tuple(words)
        too_short = sum(map(len, words)) < _SHORTEST_NAME
        if not phrase or phrase in seen or too_short or (len(phrase) == 1 and phrase[0] in public):
            return
        seen.add(phrase)
        self._phrases[phrase[0]].append((phrase, kind))


def _normal(word: str) -> str:
    plain = unicodedata.normalize("NFKD", word.casefold())
    return "".join(letter for letter in plain if not unicodedata.combining(letter))


def _words(text: str) -> list[str]:
    """Words without case nor accents; an underscore parts words too (an identity may hide in a metric's name)."""
    return [_normal(word) for word in _WORD.findall(text.replace("_", " "))]


def _phone(phone: str) -> str:
    """The nine significant digits."""
    return re.sub(r"\D", "", phone)[-9:]
