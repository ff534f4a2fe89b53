"""`make up`: the same cast with some history, left running until Ctrl-C."""

import time
from typing import Final

from demo import asking, setting_up, story
from demo.cast import HOME
from demo.telling import Narrator
from tools.driving import requests
from tools.driving.pages import StepFailed
from tools.driving.processes import Company
from tools.driving.wallet_pages import Sally

UP: Final = HOME / "up"


def stay(narrator: Narrator) -> None:
    """Found and seed the cast, print every address, wait."""
    company = Company()
    try:
        cast, terms_id = setting_up.start(UP, company, narrator)
        sally = Sally(cast["wallet"])
        story.receive(sally, story.issue(cast, narrator), narrator)
        made = asking.ask(cast["dealer"], requests.affordability(terms_id, 20_000))
        waiting = asking.ask(cast["clearsound"], requests.sound_system(terms_id))
        sally.respond(made["link"], "share")
        narrator.act("The cast is running; open these pages")
        for party in cast.values():
            narrator.say(f"{party.role.name:30} {party.url}   passphrase: {party.passphrase}")
        narrator.say("A request of Clearsound's waits for Sally. Paste it on her wallet's Answer page:")
        narrator.detail([waiting["link"]])
        narrator.say("Ctrl-C ends everything.")
        while company.ended() is None:
            time.sleep(1)
        raise StepFailed(f"{company.ended()} ended by itself; see log.jsonl in its folder below {UP.name}")
    finally:
        company.close()
