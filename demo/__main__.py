"""`python -m demo` tells the story once; `python -m demo up` leaves its cast running."""

import sys

from demo import staying, story
from demo.telling import Narrator
from tools.driving.pages import StepFailed
from tools.driving.processes import Interrupted, end_on_signals


def main() -> int:
    """0 when every step held."""
    end_on_signals()
    narrator = Narrator()
    try:
        if sys.argv[1:] == ["up"]:
            staying.stay(narrator)
        elif sys.argv[1:]:
            sys.stderr.write("usage: python -m demo [up]\n")
            return 2
        else:
            story.tell(narrator)
    except StepFailed as failure:
        narrator.failed(failure)
        return 1
    except Interrupted as ended:
        return ended.code
    return 0


sys.exit(main())
