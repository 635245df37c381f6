"""The filter of tunedModels.list: words to find, and operators that go by role."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from ragkit.api.errors import InvalidArgument
from ragkit.engine.access import EVERYONE, Role
from ragkit.engine.job_records import TunedModelRecord, TunedSelection
from ragkit.service.registry import Principal

_TERM: Final = re.compile(r'"([^"]*)"|(\S+)')
_OPERATOR: Final = re.compile(r"(?:owner|writers|readers):.*")
_OF_CALLER: Final = {
    "owner:me": Role.OWNER,
    "writers:me": Role.WRITER,
    "readers:me": Role.READER,
}
_OF_EVERYONE: Final = "readers:everyone"


@dataclass(frozen=True, slots=True)
class TunedFilter:
    """Which tuned models to list: what the store looks for, and words that must occur."""

    selection: TunedSelection
    words: tuple[str, ...]

    def accepts(self, model: TunedModelRecord) -> bool:
        """Whether all words occur in the model's display name or description, in any case."""
        text = f"{model.fields.display_name}\n{model.fields.description}".casefold()
        return all(word in text for word in self.words)


def parse_filter(text: str, principal: Principal, readers: tuple[str, ...] | None) -> TunedFilter:
    """The tuned models that a filter stands for.

    Arguments:
        text: the filter, "" for none.
        principal: who "me" is.
        readers: the grantees of whom one must be a reader; None if the caller may see all.

    Raises:
        InvalidArgument: an operator names somebody else than me or everyone.
    """
    words: list[str] = []
    operators: set[str] = set()
    for quoted, plain in _TERM.findall(text):
        if plain in _OF_CALLER or plain == _OF_EVERYONE:
            operators.add(plain)
        elif _OPERATOR.fullmatch(plain):
            known = ", ".join((*_OF_CALLER, _OF_EVERYONE))
            raise InvalidArgument(
                f"filter: there is no operator {plain[:100]!r}, only {known}; put words to look "
                "for into quotation marks",
                field="filter",
            )
        else:
            words.append((plain or quoted).casefold())
    roles = [] if readers is None else [(readers, Role.READER)]
    mine = tuple(grantee for grantee in principal.grantees if grantee != EVERYONE)
    unowned = False
    for operator in sorted(operators - {_OF_EVERYONE}):
        role = _OF_CALLER[operator]
        if principal.is_owner and not principal.email:
            # Nobody's grantee, yet with every role on all there is.
            unowned = unowned or role is Role.OWNER
        else:
            roles.append((mine, role))
    shared = True if _OF_EVERYONE in operators else None if operators else False
    return TunedFilter(TunedSelection(tuple(roles), unowned, shared), tuple(words))
