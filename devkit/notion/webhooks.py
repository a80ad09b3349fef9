"""Webhooks: who subscribed to what, and events gathered into deliveries."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from datetime import datetime, timedelta
from typing import Any

from devkit.notion.deliveries import PAUSES, Delivery, Sender, Subscription
from devkit.notion.events import Event
from devkit.notion.ids import make_id
from devkit.notion.model import Integration, Json, State
from devkit.notion.render import OLD, V2026

UPLOADS = ("file_upload.created", "file_upload.completed", "file_upload.expired", "file_upload.upload_failed")
AT_ONCE = ("page.locked", "page.unlocked", "comment.created", "comment.updated", "comment.deleted", *UPLOADS)
OPPOSITE = {"deleted": ("created", "undeleted"), "undeleted": ("deleted",)}
LISTS = ("updated_blocks", "updated_properties")


class Webhooks(Sender):
    def __init__(self, state: State) -> None:
        super().__init__(state)
        self._made = 0
        self._newest: dict[tuple[str, str, str], Delivery] = {}

    # -- subscriptions

    async def subscribe(self, integration: Integration, given: Json) -> Json:
        """One per integration: a new one takes the place of the old."""
        subscription = self._subscription(integration, given)
        status = await self.handshake(subscription)
        accepted = status is not None and 200 <= status < 300
        subscription.active = accepted and not given.get("wait_for_token")
        self._work(subscription)
        return self.described(subscription) | {"handshake_status": status}

    def stand(self, integration: Integration, *, url: str, token: str) -> None:
        """As if subscribed and verified long ago, so that the receiver need not be there yet. Needs a running loop."""
        subscription = self._subscription(integration, {"url": url, "token": token})
        subscription.active = True
        self._work(subscription)

    def _subscription(self, integration: Integration, given: Json) -> Subscription:
        self.unsubscribe(integration)
        self._made += 1
        subscription = Subscription(
            id=make_id("subscription", integration.id, str(self._made)),
            integration=integration,
            url=given["url"],
            token=given.get("token")
            or f"secret_{hashlib.sha256(f'{integration.id}{self._made}'.encode()).hexdigest()}",
            event_types=given.get("event_types"),
            version=given.get("api_version", V2026),
            window=float(given.get("window", 0)),
            delay=float(given.get("delay", 0)),
            timeout=float(given.get("timeout", 10)),
            pauses=tuple(given.get("pauses", PAUSES)),
            tell_who=given.get("accessible_by", True) and integration.kind == "public",
        )
        self.subscriptions[integration.id] = subscription
        return subscription

    def _work(self, subscription: Subscription) -> None:
        self.tasks[subscription.id] = asyncio.create_task(self.work(subscription))

    def described(self, one: Subscription) -> Json:
        about = {"id": one.id, "url": one.url, "verification_token": one.token, "active": one.active}
        return about | {"integration_id": one.integration.id}

    def verify(self, integration: Integration, token: str) -> Json:
        """The developer pastes the token into Notion's page."""
        subscription = self.subscriptions[integration.id]
        if not hmac.compare_digest(subscription.token, token):
            raise ValueError("this is not the verification token")
        subscription.active = True
        return self.described(subscription)

    async def handshake(self, subscription: Subscription) -> int | None:
        entry = await self.post(subscription, {"verification_token": subscription.token}, {})
        self.keep(entry | {"type": "verification", "attempt": 1})
        return int(entry["status"]) if entry["status"] is not None else None

    def unsubscribe(self, integration: Integration) -> None:
        old = self.subscriptions.pop(integration.id, None)
        if old is None:
            return
        self.waiting = [one for one in self.waiting if one.subscription is not old]
        task = self.tasks.pop(old.id, None)
        if task is not None:
            task.cancel()

    def stop(self) -> None:
        for subscription in list(self.subscriptions.values()):
            self.unsubscribe(subscription.integration)

    # -- events become deliveries

    def hear(self, event: Event) -> None:
        for subscription in self.subscriptions.values():
            self._hear(subscription, event)

    def _hear(self, subscription: Subscription, event: Event) -> None:
        type, entity, data = _in_version(event, subscription.version)
        bots = [grant for grant in event.seen_by if grant.integration.id == subscription.integration.id]
        if event.type.startswith("comment."):
            bots = [grant for grant in bots if grant.can("comments_read")]
        if not bots or not subscription.wants(type):
            return
        at_once = type in AT_ONCE
        if not at_once and (self._cancelled(subscription, type, entity) or self._joined(subscription, type, event)):
            return
        self._made += 1
        closes = event.at + timedelta(seconds=0 if at_once else subscription.window)
        payload: Json = {
            # Whoever hears remembers ids for days, and the count begins anew with each start.
            "id": make_id("event", subscription.id, str(self._made), _millis(event.at)),
            "timestamp": _millis(event.at),
            "workspace_id": event.workspace.id,
            "workspace_name": event.workspace.name,
            "subscription_id": subscription.id,
            "integration_id": subscription.integration.id,
            "authors": [_author(event)],
            "attempt_number": 1,
            "api_version": subscription.version,
            "entity": entity,
            "type": type,
        }
        if data:
            payload["data"] = {key: list(value) if isinstance(value, list) else value for key, value in data.items()}
        if subscription.tell_who:
            persons = {grant.user.id for grant in bots if grant.user is not None}
            known = [(id, "person") for id in sorted(persons)] + [(grant.bot_id, "bot") for grant in bots]
            payload["accessible_by"] = [{"id": id, "type": kind} for id, kind in known]
        due = closes + timedelta(seconds=subscription.delay)
        one = Delivery(subscription, event.workspace, payload, closes, due)
        self.waiting.append(one)
        self._newest[subscription.id, type, entity["id"]] = one
        self.wake()

    def _open(self, subscription: Subscription, type: str, id: str) -> Delivery | None:
        one = self._newest.get((subscription.id, type, id))
        if one is None or one.attempt or one.workspace.clock.now() >= one.closes:
            return None
        return one

    def _joined(self, subscription: Subscription, type: str, event: Event) -> bool:
        """The same entity and type within the window is one delivery."""
        type, entity, data = _in_version(event, subscription.version)
        one = self._open(subscription, type, entity["id"])
        if one is None:
            return False
        one.payload["timestamp"] = _millis(event.at)
        if _author(event) not in one.payload["authors"]:
            one.payload["authors"].append(_author(event))
        for key in LISTS:
            kept = one.payload["data"].get(key, [])
            kept += [item for item in data.get(key, []) if item not in kept]
        return True

    def _cancelled(self, subscription: Subscription, type: str, entity: Json) -> bool:
        """Made and deleted within one window: nothing is told."""
        kind, _, what = type.partition(".")
        for before in OPPOSITE.get(what, ()):
            one = self._open(subscription, f"{kind}.{before}", entity["id"])
            if one is not None:
                self.waiting.remove(one)
                del self._newest[subscription.id, f"{kind}.{before}", entity["id"]]
                return True
        return False


def _in_version(event: Event, version: str) -> tuple[str, Json, Json]:
    """The oldest version knows no data sources: the same is told of the database."""
    kind, _, what = event.type.partition(".")
    if version != OLD or kind != "data_source":
        return event.type, event.entity, event.data
    return f"database.{what}", {"id": event.data["parent"]["id"], "type": "database"}, event.data


def _author(event: Event) -> Json:
    user = event.workspace.users.get(event.by)
    return {"id": event.by, "type": "bot" if user is not None and user.kind == "bot" else "person"}


def _millis(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def find_integration(state: State, given: Any) -> Integration:
    """By key, client id or id; the newest of several with the same key."""
    same = [one for one in state.integrations.values() if given in (one.key, one.client_id, one.id)]
    if not same:
        raise ValueError(f"no integration {given}")
    return same[-1]
