"""`python -m demo` tells the story once; `python -m demo up` leaves its cast running."""

import sys

from demo import staying, story
from demo.processes import Interrupted, end_on_signals
from demo.telling import DemoFailed, Narrator


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
    except DemoFailed as failure:
        narrator.failed(failure)
        return 1
    except Interrupted as ended:
        return ended.code
    return 0


sys.exit(main())
