"""What phrases say in English, as most tests read them; and a language made up, in which no sentence is English."""

import dataclasses
from typing import Any

from didkit_py.consent.consent import ConsentView, consent_view
from didkit_py.consent.decision import Decision
from didkit_py.localization import Phrase, in_english


def english(value: Any) -> Any:
    """The same value with every phrase in it in English words."""
    if isinstance(value, Phrase):
        return in_english(value)
    if isinstance(value, list | tuple):
        return type(value)(english(one) for one in value)
    if isinstance(value, dict):
        return {name: english(one) for name, one in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {one.name: getattr(value, one.name) for one in dataclasses.fields(value) if one.init}
        changed = {name: new for name, old in fields.items() if (new := english(old)) is not old and new != old}
        return dataclasses.replace(value, **changed)
    return value


def english_view(decision: Decision) -> ConsentView:
    """The consent page of a decision in English words."""
    view: ConsentView = english(consent_view(decision))
    return view
