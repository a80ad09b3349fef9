"""What there is to attack, read from the code: addresses, jobs, commands, staff pages."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from celery import current_app
from django.core.management import get_commands
from django.urls import URLPattern, URLResolver, get_resolver

OURS = ("config", "integrations", "accounts", "billing", "usage", "tasks", "agent", "devkit")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True)
class Found:
    route: str
    view: Any

    @property
    def methods(self) -> frozenset[str]:
        """What the view class answers; a plain function answers what it likes, which counts as all."""
        if self.view_class is None:
            return frozenset(METHODS)
        return frozenset(method for method in METHODS if hasattr(self.view_class, method.lower()))

    @property
    def view_class(self) -> Any:
        return getattr(self.view, "view_class", None) or getattr(self.view, "cls", None)


def addresses() -> dict[str, Found]:
    return {found.route: found for found in _walk(get_resolver().url_patterns, "")}


def _walk(patterns: list[Any], before: str) -> Iterator[Found]:
    for pattern in patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern):
            yield Found(route, pattern.callback)


def jobs() -> dict[str, Any]:
    current_app.loader.import_default_modules()
    return {name: task for name, task in current_app.tasks.items() if name.split(".")[0] in OURS}


def commands() -> set[str]:
    return {name for name, app in get_commands().items() if app.split(".")[0] in OURS}
