"""Following every link of a program, a few pages of each kind."""

import re
from collections import Counter
from typing import Final
from urllib.parse import urldefrag, urlsplit

from tests.browser.visitor import Visitor
from tools.driving.pages import plain

OF_A_KIND: Final = 2  # how many pages are looked at that differ in an identifier alone
MOST: Final = 60
_IDENTIFIER: Final = re.compile(r"(?<=/)[A-Za-z0-9_-]{16,}|(?<==)[^&]+")
_FILES: Final = (".json", ".csv")


async def crawl(visitor: Visitor, start: str) -> list[str]:
    """Every page that links lead to from `start`, in the order it was looked at."""
    waiting, seen = [start], {start}
    kinds: Counter[str] = Counter()
    looked: list[str] = []
    while waiting and len(looked) < MOST:
        address = waiting.pop(0)
        kinds[_IDENTIFIER.sub("*", address)] += 1
        if kinds[_IDENTIFIER.sub("*", address)] > OF_A_KIND:
            continue
        page = await visitor.go(address)
        looked.append(plain(address))
        links: list[str] = await page.eval_on_selector_all("a[href]", "all => all.map(one => one.href)")
        for link in (urldefrag(one).url for one in links):
            parts = urlsplit(link)
            if (
                f"{parts.scheme}://{parts.netloc}" == start.rstrip("/")
                and not parts.path.endswith(_FILES)
                and link not in seen
            ):
                seen.add(link)
                waiting.append(link)
    return looked
