"""Moments in words, in a member's own time zone."""

from datetime import datetime
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.formats import date_format


def here() -> ZoneInfo:
    """Pages and the API speak in their member's time zone; jobs in UTC."""
    return ZoneInfo(timezone.get_current_timezone_name())


def exactly(moment: datetime, zone: ZoneInfo) -> str:
    """ "30 Nov 2026 at 14:05"; members who chose no time zone are told which one it is."""
    local = moment.astimezone(zone)
    name = " UTC" if zone.key == "UTC" else ""
    return f"{date_format(local, 'j M Y')} at {local:%H:%M}{name}"


def day(moment: datetime) -> str:
    return on(moment, here())


def on(moment: datetime, zone: ZoneInfo) -> str:
    return date_format(moment.astimezone(zone), "j M Y")
