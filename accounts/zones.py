"""Time zones: which there are, and what the member's own one is."""

from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django import forms
from django.forms.utils import flatatt
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts.models import User
from config.errors import InvalidField

# Among the names of zones, yet none: what this machine is set to, and what is not set.
NO_PLACES = {"localtime", "Factory"}
REGIONS = ["Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific"]
UTC = "UTC"


@cache
def names() -> frozenset[str]:
    return frozenset(available_timezones() - NO_PLACES)


def zone_of(user: User) -> ZoneInfo:
    """UTC when the machine does not know it any more."""
    return ZoneInfo(user.timezone if user.timezone in names() else UTC)


def checked(name: str) -> str:
    """Raises InvalidField."""
    if name not in names():
        raise InvalidField("This is no name of a time zone. One is Europe/Berlin.", pointer="/timezone")
    return name


class ZoneSelect(forms.Select):
    """By region and place, so that a browser finds one by the first letters of its place.

    The framework's own would render each of the 400 options with a template.
    """

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        attributes = flatatt(self.build_attrs(self.attrs, {**(attrs or {}), "name": name}))
        return format_html("<select{}>{}</select>", attributes, _options(str(value or "")))


@cache
def _offered() -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple(
        (region, tuple(sorted(each for each in names() if each.startswith(f"{region}/")))) for region in REGIONS
    )


def _options(chosen: str) -> SafeString:
    """Also one that is not offered, when it is the chosen one: another name of a place, or none."""
    offered = _offered()
    alone = [UTC] if chosen in {UTC, *(name for _, names in offered for name in names)} else [UTC, chosen]
    groups = format_html_join(
        "", '<optgroup label="{}">{}</optgroup>', ((region, _of(names, chosen)) for region, names in offered)
    )
    return format_html("{}{}", _of(alone, chosen), groups)


def _of(names: Any, chosen: str) -> SafeString:
    return format_html_join(
        "",
        '<option value="{}"{}>{}</option>',
        ((name, SafeString(" selected") if name == chosen else "", _place(name)) for name in names),
    )


def _place(name: str) -> str:
    """ "Buenos Aires, Argentina" for America/Argentina/Buenos_Aires."""
    return ", ".join(reversed(name.partition("/")[2].split("/"))).replace("_", " ") if "/" in name else name
