"""An operator of the vendor: papers received, a request made from a saved one, and the answer with each check."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Route

from didkit_py.encoding import rfc3339
from didkit_py.terms.document import create_signatory_statement
from tests.browser.town import OPERATOR, SHOP_NAME, Town
from tests.browser.visitor import Visitor

pytestmark = [pytest.mark.needs("browser"), pytest.mark.asyncio(loop_scope="session")]
