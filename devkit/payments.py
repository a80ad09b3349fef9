"""`STRIPE=demo`: a stand-in for Stripe beside the product, so that a purchase can be clicked through without a key."""

import hashlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from devkit.home import PROJECT, Home, Trouble
from devkit.processes import Child, Echo

DEMO = "demo"
ADDRESS = "webhooks/stripe"


def is_demo() -> bool:
    """Raises Trouble for a word that is not known."""
    said = os.environ.get("STRIPE", "").strip()
    if said not in {"", DEMO}:
        raise Trouble(f"STRIPE is {DEMO} or not set, not {said!r}; docs/billing.md says how to set up the real one.")
    return said == DEMO


class StripeStandIn(Child):
    name = "stripe"

    def __init__(self, home: Home, *, web_port: int, echo: Echo | None = None) -> None:
        super().__init__(home.log(self.name), echo=echo, lock_fd=home.lock_fd)
        self.state = home.folder(self.name) / "state.json"
        self.port = home.port(self.name)
        self.web_port = web_port
        # Other users of this machine can reach the web process, and whoever knows this can give plans away.
        secret = hashlib.sha256(f"stripe:{home.secrets()['SECRET_KEY']}".encode()).hexdigest()
        self.webhook_secret = f"whsec_{secret[:32]}"
        self.directory = PROJECT

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def settings(self) -> dict[str, str]:
        """What the product needs to take money here."""
        return {
            "BILLING_GATEWAY": "stripe",
            "STRIPE_API_URL": self.url,
            "STRIPE_SECRET_KEY": "sk_test_stand_in",
            "STRIPE_WEBHOOK_SECRETS": self.webhook_secret,
        }

    def command(self) -> Sequence[str | Path]:
        hook = ["--webhook-url", f"http://127.0.0.1:{self.web_port}/{ADDRESS}", "--webhook-secret", self.webhook_secret]
        return [sys.executable, "-m", "devkit.stripe", "--port", str(self.port), *hook, "--state", self.state]

    def is_ready(self) -> bool:
        from devkit.services import answers

        return answers(f"{self.url}/__stand-in/health")
