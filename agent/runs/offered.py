"""The models' names, for who must not load what makes them answer: the web process and workers of other queues."""

from accounts.model_choices import names
from config.providers import KEYLESS

__all__ = ["KEYLESS", "names"]
