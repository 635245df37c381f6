"""The ids that the service gives to resources created without a name."""

from __future__ import annotations

import re
import secrets
import string
import unicodedata

from ragkit.service.policies import MAX_SLUG_LENGTH, RANDOM_ID_LENGTH

_ALPHABET = string.digits + string.ascii_lowercase
_NOT_IN_IDS = re.compile(r"[^a-z0-9]+")

# Latin letters that Unicode does not decompose into a base letter and marks.
_UNDECOMPOSED = str.maketrans(
    {
        "æ": "ae",
        "œ": "oe",
        "ø": "o",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "ł": "l",
        "ħ": "h",
        "\N{LATIN SMALL LETTER DOTLESS I}": "i",
        "ŋ": "n",
    }
)


def random_id() -> str:
    """Twelve random characters: letters a-z and digits, 62 bits."""
    number = secrets.randbelow(len(_ALPHABET) ** RANDOM_ID_LENGTH)
    characters = []
    for _ in range(RANDOM_ID_LENGTH):
        number, digit = divmod(number, len(_ALPHABET))
        characters.append(_ALPHABET[digit])
    return "".join(characters)


def slug(display_name: str) -> str:
    """What an id can keep of a display name: `Größe & Form` gives `grosse-form`, maybe nothing."""
    letters = unicodedata.normalize("NFKD", display_name.casefold()).translate(_UNDECOMPOSED)
    plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
    dashed = _NOT_IN_IDS.sub("-", plain.lower()).strip("-")
    return dashed[:MAX_SLUG_LENGTH].rstrip("-")


def id_for(display_name: str) -> str:
    """An id derived from a display name, with a random part that makes it unique."""
    words = slug(display_name)
    return f"{words}-{random_id()}" if words else random_id()
