"""Names as the RNIV writes them (reference/national-rules.md 1), and how they sound, for a search that forgives."""

import re
import unicodedata

_LIGATURES = str.maketrans(
    {"œ": "oe", "Œ": "OE", "æ": "ae", "Æ": "AE", "ß": "SS", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "’": "'", "‘": "'", "ʼ": "'"}
)
_SOUNDS = {
    "SCH": "CH",
    "CH": "CH",
    "PH": "F",
    "EAUX": "O",
    "EAU": "O",
    "AUX": "O",
    "AU": "O",
    "OU": "U",
    "AIN": "IN",
    "EIN": "IN",
    "AI": "E",
    "EI": "E",
    "QU": "K",
    "CK": "K",
    "C": "K",
    "Q": "K",
    "Y": "I",
    "Z": "S",
    "H": "",
    "W": "V",
}
_SOUND = re.compile("|".join(sorted(_SOUNDS, key=len, reverse=True)))
_TWICE = re.compile(r"(.)\1+")
_SILENT_END = re.compile(r"(?<=...)[STXDPE]+\b")


def normalise(name: str) -> str:
    """Upper case, no accent, cedilla nor ligature; hyphen and apostrophe kept; single spaces. Up to 100 characters."""
    plain = unicodedata.normalize("NFKD", name.translate(_LIGATURES))
    letters = "".join(c for c in plain if not unicodedata.combining(c)).upper()
    kept = re.sub(r"[^A-Z0-9'\- ]", " ", letters)
    return re.sub(r"\s+", " ", kept).strip()[:100]


def search_form(name: str) -> str:
    """`normalise` without hyphen and apostrophe: L'HAY = L HAY = LHAY is asked of the comparison, not of the caller."""
    return re.sub(r"\s+", " ", normalise(name).replace("-", " ").replace("'", " ")).strip()


def sound(name: str) -> str:
    """A rough French phonetic form: DUPOND and DUPONT, PHILIPPE and FILIP are one."""
    heard = _SOUND.sub(lambda found: _SOUNDS[found[0]], search_form(name))
    return _SILENT_END.sub("", _TWICE.sub(r"\1", heard))


def phone_digits(phone: str) -> str:
    """National form, digits only: +33 6 … and 06 … are one number. Unknown shapes stay as their digits."""
    digits = re.sub(r"\D", "", phone)
    for prefix in ("0033", "33"):
        if digits.startswith(prefix) and len(digits) == len(prefix) + 9:
            return "0" + digits[len(prefix) :]
    return digits
