"""What templates need to show numbers, times, fields and charts the same way everywhere."""

import datetime as dt
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zlib import crc32

from django import template
from django.forms import BoundField, CheckboxInput, PasswordInput
from django.forms.widgets import Select, Textarea
from django.template import Context
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from lucide import IconDoesNotExist
from lucide.templatetags.lucide import lucide

from config import prose

register = template.Library()

NBSP = "\u00a0"
WARN_FROM = 80
SYMBOLS = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥"}
# Those without cents.
WHOLE_CURRENCIES = {"clp", "jpy", "krw", "vnd"}
BARS_MOST = 32
# Percent of the chart: a few days do not become walls.
WIDEST_BAR = 8.0
CHART_TOP, CHART_BASE = 14, 180


@register.simple_tag
def icon(name: str, label: str = "", kind: str = "") -> SafeString:
    attributes: dict[str, object] = {"class": f"icon {kind}".strip()}
    attributes |= {"role": "img", "aria-label": label} if label else {"aria-hidden": "true"}
    try:
        return SafeString(lucide(name, size=16, **attributes))
    except IconDoesNotExist:
        return SafeString(lucide("file-text", size=16, **attributes))


# Numbers


@register.filter
def number(value: float | None) -> str:
    return "–" if value is None else number_format(value, force_grouping=True)


def unit(value: object, word: str) -> str:
    """`4 min`: the number and its unit never part at a line's end."""
    shown = number(value) if isinstance(value, int | float) else str(value)
    return f"{shown}{NBSP}{word}"


@register.filter
def of(used: float, limit: float | None) -> str:
    if limit is None:
        return number(used)
    return gettext("%(used)s of %(limit)s") % {"used": number(used), "limit": number(limit)}


@register.filter
def percent(used: float, limit: float) -> int:
    """Rounded down, so that nothing is called full before it is."""
    if limit <= 0:
        return 100
    # Not used / limit * 100: of 29 in 100 that makes 28.999… and so 28.
    return min(100, max(0, math.floor(used * 100 / limit)))


@register.filter
def tone(used: float, limit: float) -> str:
    share = percent(used, limit)
    return "bad" if share >= 100 else "warn" if share >= WARN_FROM else ""


@register.filter
def seconds(milliseconds: float | None) -> str:
    """To a tenth; what took less is not said to have taken nothing."""
    if milliseconds is None:
        return "–"
    # number_format cuts and does not round.
    tenths = (Decimal(milliseconds) / 1000).quantize(Decimal("0.1"), ROUND_HALF_UP)
    is_less = milliseconds > 0 and not tenths
    return unit(f"<{number_format(0.1, 1)}" if is_less else number_format(tenths, 1), gettext("s"))


@register.filter
def money(amount: int, currency: str = "usd") -> str:
    """An amount in the currency's smallest unit. Whole ones without decimals, as on a price list."""
    code = currency.lower()
    parts = 1 if code in WHOLE_CURRENCIES else 100
    places = 0 if amount % parts == 0 else 2
    shown = number_format(Decimal(abs(amount)) / parts, places, force_grouping=True)
    sign = "\u2212" if amount < 0 else ""
    return f"{sign}{SYMBOLS[code]}{shown}" if code in SYMBOLS else f"{sign}{shown}{NBSP}{code.upper()}"


# People


@register.filter
def initials(name: str) -> str:
    words = [word for word in name.replace("@", " ").split() if word[0].isalnum()] or ["?"]
    return (words[0][0] + (words[-1][0] if len(words) > 1 else "")).upper()


@register.simple_tag
def avatar(name: str, key: object = None, kind: str = "") -> SafeString:
    tint = crc32(str(name if key is None else key).encode()) % 4
    return format_html('<span class="avatar t{} {}" aria-hidden="true">{}</span>', tint, kind, initials(name))


# Times


@register.simple_tag(takes_context=True)
def ago(context: Context, moment: dt.datetime | str | None, never: str = "") -> SafeString:
    """A moment, also as the ISO text in which JSON columns keep it."""
    if isinstance(moment, str):
        moment = dt.datetime.fromisoformat(moment) if moment else None
    if moment is None:
        return format_html("{}", never or gettext("never"))
    now = context.get("now") or timezone.now()
    local = timezone.localtime(moment)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        local.isoformat(timespec="seconds"),
        date_format(local, "j M Y, H:i"),
        _ago(local, timezone.localtime(now)),
    )


def _ago(moment: dt.datetime, now: dt.datetime) -> str:
    minutes = int((now - moment).total_seconds() // 60)
    if minutes < 1:
        return gettext("now")
    if minutes < 60:
        return unit(minutes, gettext("min ago"))
    if minutes < 24 * 60 and moment.date() == now.date():
        return unit(minutes // 60, gettext("h ago"))
    days = (now.date() - moment.date()).days
    if days <= 1:
        return gettext("yesterday %(time)s") % {"time": date_format(moment, "H:i")}
    if days < 7:
        return ngettext("%(days)s day ago", "%(days)s days ago", days) % {"days": days}
    return day(moment.date(), now)


@register.filter
def day(value: dt.date | dt.datetime | None, now: dt.datetime | None = None) -> str:
    """ "22 Nov", with the year when it is another one."""
    if value is None:
        return ""
    if isinstance(value, dt.datetime):
        value = timezone.localtime(value).date()
    this_year = timezone.localtime(now or timezone.now()).year
    return date_format(value, "j M" if value.year == this_year else "j M Y").replace(" ", NBSP)


@register.simple_tag(takes_context=True)
def due(context: Context, on: dt.date, is_done: bool = False) -> SafeString:
    """Late in red, within two days in amber, else neutral, as is what is done."""
    today = timezone.localtime(context.get("now") or timezone.now()).date()
    days = (on - today).days
    if is_done:
        words = day(on)
    elif days < 0:
        words = ngettext("%(days)s day late", "%(days)s days late", -days) % {"days": -days}
    elif days == 0:
        words = gettext("Today")
    elif days < 7:
        words = date_format(on, "D")
    else:
        words = day(on)
    shade = "" if is_done else "bad" if days < 0 else "warn" if days <= 2 else ""
    return format_html(
        '<span class="badge {}"><time datetime="{}" title="{}">{}</time></span>',
        shade,
        on.isoformat(),
        date_format(on, "l j F Y"),
        words,
    )


# Text


@register.simple_tag
def answer(text: str, citations: Sequence[Any], prefix: str, hosts: Collection[str] = ()) -> SafeString:
    numbers = [c["n"] if isinstance(c, Mapping) else c.n for c in citations]
    return prose.render(text, hosts, numbers, prefix)


# Forms


@register.inclusion_tag("components/field.html")
def field(bound: BoundField, label: str = "", help: str = "", autofocus: bool = False) -> dict[str, Any]:
    widget = bound.field.widget
    help_text = help or bound.help_text
    described = f"{bound.auto_id}_error" if bound.errors else f"{bound.auto_id}_helptext" if help_text else False
    attributes: dict[str, Any] = {
        "class": f"input {widget.attrs.get('class', '')}".strip(),
        "placeholder": False,
        "aria-describedby": described,
        "autofocus": autofocus,
    }
    return {
        "bound": bound,
        "label": label or bound.label,
        "help": help_text,
        "control": bound.as_widget(attrs=attributes),
        "is_password": isinstance(widget, PasswordInput),
        "is_tick": isinstance(widget, CheckboxInput),
        "is_long": isinstance(widget, Textarea | Select),
    }


# Pictures of numbers


@register.inclusion_tag("components/meter.html")
def meter(used: float, limit: float | None, label: str = "", kind: str = "") -> dict[str, Any]:
    """A limit, coloured as it fills; `kind="work"` is progress: always blue and visible once started."""
    share = min(100.0, max(0.0, used / limit * 100)) if limit else 0.0
    is_work = kind.startswith("work")
    if is_work and used > 0:
        share = max(2.0, share)
    shade = "" if is_work or not limit else tone(used, limit)
    return {
        "share": f"{share:.1f}",
        "classes": " ".join(filter(None, ["meter", shade, "thick" if "thick" in kind else ""])),
        "is_moving": is_work and not limit,
        "label": " ".join(filter(None, [of(used, limit), label])),
    }


@dataclass(frozen=True)
class Bar:
    name: str
    value: float
    x: str
    width: str
    hit_x: str
    hit_width: str
    y: str
    height: str
    kind: str
    tick: str
    tick_x: str
    anchor: str


@register.inclusion_tag("components/bars.html", takes_context=True)
def bars(context: Context, series: Sequence[tuple[dt.date, float]], what: str, unit: str = "day") -> dict[str, Any]:
    """`series` is (day, value) in order, oldest first; the last are shown when there are too many. With `unit="month"`
    each day stands for its month."""
    today = timezone.localtime(context.get("now") or timezone.now()).date()
    shown = list(series)[-BARS_MOST:]
    values = [value for _, value in shown]
    top = _round_up(max(values, default=0))
    is_months = unit == "month"
    drawn = [_bar(i, len(shown), on, value, top, today, is_months) for i, (on, value) in enumerate(shown)]
    name = "F Y" if is_months else "j F"
    said = gettext("Bar chart of %(what)s, %(first)s to %(last)s. %(total)s in total, highest %(highest)s.") % {
        "what": what,
        "first": date_format(shown[0][0], name) if shown else "–",
        "last": date_format(shown[-1][0], name) if shown else "–",
        "total": number(sum(values)),
        "highest": number(max(values, default=0)),
    }
    grid = [(f"{CHART_BASE - (CHART_BASE - CHART_TOP) * part:.0f}", number(_whole(top * part))) for part in (0.5, 1)]
    return {
        "bars": drawn,
        "label": said,
        "what": what,
        "grid": grid,
        "base": CHART_BASE,
        "tick_y": CHART_BASE + 18,
        "is_months": is_months,
    }


def _bar(index: int, count: int, on: dt.date, value: float, top: float, today: dt.date, is_month: bool) -> Bar:
    step = 100 / count
    height = (CHART_BASE - CHART_TOP) * value / top
    is_first, is_last = index == 0, index == count - 1
    # Every seventh day is named, counted so that the last day of whole weeks is one of them.
    width = min(step * 2 / 3, WIDEST_BAR)
    # The outer names stay inside the chart; few bars stand far enough from its edges.
    is_edge = (is_first or is_last) and count > 7
    is_now = on == (today.replace(day=1) if is_month else today)
    has_tick = is_month or index % 7 == (0 if count < 29 else 1) or (count <= 7)
    return Bar(
        name=date_format(on, "F Y" if is_month else "D j M"),
        value=value,
        hit_x=f"{index * step:.2f}",
        hit_width=f"{step:.2f}",
        x=f"{(index + 0.5) * step - width / 2:.2f}",
        width=f"{width:.2f}",
        y=f"{CHART_BASE - height:.1f}",
        height=f"{height:.1f}",
        kind="today" if is_now else "soft" if on.weekday() >= 5 and not is_month else "",
        tick=date_format(on, "M" if is_month else "j M") if has_tick else "",
        tick_x=f"{(index + 0.5) * step if not is_edge else 0 if is_first else 100:.2f}",
        anchor="middle" if not is_edge else "start" if is_first else "end",
    )


def _whole(value: float) -> float:
    return int(value) if float(value).is_integer() else value


def _round_up(value: float) -> float:
    """The next number a person would put at the end of an axis, never below 2 so that halves stay whole."""
    if value <= 2:
        return 2
    power = float(10 ** math.floor(math.log10(value)))
    return next(step * power for step in (1, 1.2, 1.6, 2, 3, 4, 5, 6, 8, 10) if step * power >= value)


@register.inclusion_tag("components/spark.html")
def spark(values: Sequence[float], label: str) -> dict[str, Any]:
    low, high = min(values, default=0), max(values, default=0)
    across = max(1, len(values) - 1)
    rise = (high - low) or 1
    points = " ".join(f"{i / across * 100:.1f},{22 - (v - low) / rise * 20:.1f}" for i, v in enumerate(values))
    return {"points": points, "label": label}


@register.inclusion_tag("components/span.html")
def span(label: str, p50: float, p95: float, p99: float, longest: float) -> dict[str, Any]:
    """Milliseconds: half of all are under p50, and so on; `longest` is the end of the scale for all rows."""
    scale = max(longest, p99, 1)
    shares = {name: f"{value / scale * 100:.1f}" for name, value in (("p50", p50), ("p95", p95), ("p99", p99))}
    return {"label": label, "p50": p50, "p95": p95, "p99": p99, "shares": shares}
