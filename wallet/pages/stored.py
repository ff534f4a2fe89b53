"""What the ledger kept of a page: texts as phrases, so that they are read in the language of the day."""

from collections.abc import Mapping, Sequence

from didkit_py.encoding import Json
from didkit_py.localization import Text, text_of
from didkit_py.reading import Reader


def stored_texts(read: Reader, name: str) -> tuple[Text, ...]:
    """The texts of a list; one that is absent is empty. Raises Malformed."""
    return tuple(text_of(one, at=read.path(name)) for one in (read.items(name) if read.has(name) else ()))


def shown_item(read: Reader) -> Mapping[str, object]:
    """One thing that was shown: label, value, document, and whether it was asked for. Raises Malformed."""
    texts = {name: text_of(read.value(name), at=read.path(name)) for name in ("label", "value", "document")}
    return {**read.members, **texts}


def shown_items(kept: Sequence[Mapping[str, Json]]) -> tuple[Mapping[str, object], ...]:
    """Everything that was shown at one time. Raises Malformed."""
    return tuple(shown_item(Reader(dict(one), at="shared")) for one in kept)
