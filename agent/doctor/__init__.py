"""Is this installation well? Changes nothing, waits seconds at most for each part, and goes on when one is away."""

from collections.abc import Iterator, Mapping

from agent.doctor import database, machine, servers, work
from agent.doctor.findings import Check, Finding, Level, bad, warn

__all__ = ["Finding", "Level", "examine"]

ALONE: Mapping[str, Check] = {
    "settings": machine.settings_hold,
    "PUBLIC_URL": machine.address_is_served,
    "TRUSTED_PROXIES": machine.proxies_are_counted,
    "embedder": machine.embedder_is_there,
    "disk": machine.disk_has_room,
    "Chroma": servers.chroma_answers,
    "mail server": servers.mail_server_answers,
    "Stripe": servers.stripe_answers,
}
BEHIND_VALKEY: Mapping[str, Check] = {
    "Valkey's memory": servers.valkey_keeps_queues,
    "workers": work.queues_have_workers,
    "beat": work.beat_sends,
}
BEHIND_POSTGRES: Mapping[str, Check] = {
    "clock": database.clocks_agree,
    "migrations": database.migrations_are_applied,
    "walls": database.walls_stand,
    "ready schemas": database.schemas_are_ready,
    "schemas": database.schemas_are_at_the_head,
    "jobs": work.jobs_are_taken,
    "mails": work.mails_go_out,
    "payment events": work.payment_events_are_processed,
    "Notion's events": work.notion_events_are_processed,
    "syncs": work.syncs_have_jobs,
    "erasures": work.erasures_leave_nothing,
    "connections": work.connections_get_on,
}


def examine() -> Iterator[tuple[str, Finding]]:
    """What was looked at, and what was found: at least one finding for each check, as soon as it is known."""
    for name, check in ALONE.items():
        yield from _asked(name, check)
    yield from _behind("Valkey", servers.valkey_answers, BEHIND_VALKEY)
    yield from _behind("Postgres", database.postgres_answers, BEHIND_POSTGRES)


def _behind(name: str, check: Check, others: Mapping[str, Check]) -> Iterator[tuple[str, Finding]]:
    """The others would only wait for what does not answer."""
    found = list(_asked(name, check))
    yield from found
    is_away = any(finding.level == Level.BAD for _, finding in found)
    for other, its_check in others.items():
        if is_away:
            yield other, warn(f"not looked at, for {name} is away", f"Bring {name} back and ask again.")
        else:
            yield from _asked(other, its_check)


def _asked(name: str, check: Check) -> Iterator[tuple[str, Finding]]:
    try:
        for finding in check():
            yield name, finding
    # Whatever is broken, the other checks are made; its own words may hold secrets.
    except Exception as error:
        yield name, bad(f"could not be looked at: {type(error).__name__}", "See that what it asks is there and whole.")
