"""A browser as small as will do: cookies and forms. No JavaScript, as the pages need none."""

import http.cookiejar
import urllib.error
import urllib.parse
import urllib.request
from typing import Final

from tools.driving.pages import Form, Page, placed, plain

TIMEOUT: Final = 60


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Redirects are followed by hand, so that a POST never becomes a surprise."""

    def redirect_request(self, *_: object) -> None:
        return None


class Browser:
    """One person's browser at one site."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self._jar = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(_NoRedirect(), urllib.request.HTTPCookieProcessor(self._jar))

    def get(self, path: str) -> Page:
        """The page at `path`, redirects followed."""
        return self._send(urllib.request.Request(self._place(path)))  # noqa: S310 - loopback

    def submit(self, page: Page, form: Form, given: dict[str, str], ticked: tuple[tuple[str, str], ...] = ()) -> Page:
        """Send a form of `page` with these fields filled and these boxes ticked or buttons pressed."""
        kept = [(name, value) for name, value in form.fields if name not in given]
        body = urllib.parse.urlencode([*kept, *given.items(), *ticked]).encode()
        url = self._place(urllib.parse.urljoin(page.url, form.action))
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": self.origin}
        return self._send(urllib.request.Request(url, data=body, headers=headers))  # noqa: S310 - loopback

    def fill(self, path: str, **given: str) -> Page:
        """Open `path` and send its form with these fields."""
        page = self.get(path)
        return self.submit(page, page.form(next(iter(given))), given)

    def _place(self, path: str) -> str:
        return urllib.parse.urljoin(
            self.origin, placed(path.removeprefix(self.origin), (one.path for one in self._jar))
        )

    def _send(self, request: urllib.request.Request, hops: int = 5) -> Page:
        try:
            with self._opener.open(request, timeout=TIMEOUT) as answer:
                return Page(plain(answer.url), answer.status, plain(answer.read().decode()))
        except urllib.error.HTTPError as answer:
            if answer.code in {302, 303} and hops:
                place = urllib.parse.urljoin(request.full_url, answer.headers["Location"])
                return self._send(urllib.request.Request(place), hops - 1)  # noqa: S310 - loopback
            return Page(plain(request.full_url), answer.code, plain(answer.read().decode(errors="replace")))
