"""Shows text while it is written: programs get what was added, pages the text as it stands."""

import time

from django.utils.html import format_html

from agent.events import Events
from config import prose

# More often than this no reader notices, and each event costs a rendering.
EVERY_SECONDS = 0.15


class Writing:
    """An event carries where its text begins, so that a listener that hears it twice can tell."""

    def __init__(self, events: Events, anchor: str) -> None:
        self.events = events
        self.anchor = anchor
        self.shown = ""
        self.shown_at = 0.0

    def show(self, text: str) -> None:
        if not text.startswith(self.shown):
            self.shown = ""
        # The first words go out at once.
        if not self.shown or time.monotonic() - self.shown_at >= EVERY_SECONDS:
            self._say(text)

    def finish(self, text: str) -> None:
        if text != self.shown:
            self._say(text)

    def _say(self, text: str) -> None:
        begin = len(self.shown)
        added = text[begin:]
        if not added.strip():
            return
        html = format_html('<div id="{}b">{}</div>', self.anchor, prose.render(text))
        self.events.say("delta", {"text": added, "offset": begin}, page=("block", str(html)))
        self.shown, self.shown_at = text, time.monotonic()
