"""Which model answers in a workspace, and the key of its own if it has one. The key is shown to nobody again."""

import re
import uuid
from typing import Any

from django.conf import settings
from django.db import transaction

from accounts import sealed
from accounts.models import Membership, ModelChoice, Workspace
from accounts.permissions import check_can_change_settings
from accounts.services import note_settings
from config.errors import InvalidField
from config.providers import KEYLESS, KINDS, NAME, VENDORS, Provider

LONGEST_KEY = 500
_KEY = re.compile(rf"[!-~]{{1,{LONGEST_KEY}}}")


def of(workspace_id: uuid.UUID) -> ModelChoice | None:
    """As docent_public: the role of a workspace cannot read it."""
    return ModelChoice.objects.filter(workspace_id=workspace_id).first()


def names() -> tuple[str, ...]:
    return (KEYLESS, *settings.MODELS)


def addresses(kind: str) -> tuple[str, ...]:
    """Where a key of a workspace may be sent: nowhere inside the operator's network, unless the operator says so."""
    return (VENDORS[kind], *settings.MODEL_ADDRESSES)


def own(choice: ModelChoice) -> Provider:
    """Raises sealed.Unreadable."""
    place, workspace_id = choice.place, choice.workspace_id
    key = sealed.unseal(choice.sealed_key, workspace_id=workspace_id, place=place) if choice.sealed_key else ""
    return Provider(choice.name, choice.kind, choice.url, choice.name, key)


@transaction.atomic
def choose(*, by: Membership, name: str) -> None:
    """One that the installation offers; an empty name leaves it to the installation. A key of one's own is deleted."""
    check_can_change_settings(by)
    if name and name not in names():
        raise InvalidField(f"There is no such model here. Known: {', '.join(names())}.", pointer="/model")
    before = _locked(by.workspace)
    if name:
        ModelChoice.objects.update_or_create(
            workspace=by.workspace, defaults={"name": name, "kind": "", "url": "", "sealed_key": ""}
        )
    else:
        ModelChoice.objects.filter(workspace=by.workspace).delete()
    note_settings(by, {"model": told(before)}, {"model": told(of(by.workspace_id))})


@transaction.atomic
def choose_own(*, by: Membership, kind: str, model: str, url: str = "", key: str = "") -> None:
    """Without a key the one that is kept for this address stays."""
    check_can_change_settings(by)
    before = _locked(by.workspace)
    choice = ModelChoice(workspace=by.workspace, name=model.strip(), kind=kind)
    choice.url = _checked_url(kind, url)
    if not NAME.fullmatch(choice.name):
        raise InvalidField("Give the vendor's name of the model.", pointer="/own_model/model")
    is_same = before is not None and before.place == choice.place
    if key:
        choice.sealed_key = sealed.seal(_checked_key(key), workspace_id=by.workspace_id, place=choice.place)
    elif before is not None and is_same:
        choice.sealed_key = before.sealed_key
    if not choice.sealed_key and choice.url in VENDORS.values():
        raise InvalidField("Give the key that this vendor gave you.", pointer="/own_model/key")
    choice.save(force_insert=before is None)
    after = {"model": told(choice)} | ({"key": "replaced"} if key else {})
    note_settings(by, {"model": told(before)}, after)


def told(choice: ModelChoice | None) -> str:
    """Without the key."""
    if choice is None:
        return ""
    return f"{choice.name} at {choice.url}" if choice.is_own else choice.name


def shown(workspace_id: uuid.UUID) -> dict[str, Any]:
    choice = of(workspace_id)
    own_model = (
        {"kind": choice.kind, "url": choice.url, "model": choice.name, "has_key": bool(choice.sealed_key)}
        if choice is not None and choice.is_own
        else None
    )
    return {"model": "" if choice is None or choice.is_own else choice.name, "own_model": own_model}


def _checked_url(kind: str, url: str) -> str:
    if kind not in KINDS:
        raise InvalidField("Openai (also for all that speak like it) or anthropic.", pointer="/own_model/kind")
    known, given = addresses(kind), url.strip().rstrip("/")
    if given and given not in known:
        raise InvalidField(
            f"Keys may be sent to {', '.join(known)}. Whoever operates this installation can allow others.",
            pointer="/own_model/url",
        )
    return given or VENDORS[kind]


def _checked_key(key: str) -> str:
    if not _KEY.fullmatch(key.strip()):
        raise InvalidField("A key has letters, digits and signs, without spaces.", pointer="/own_model/key")
    return key.strip()


def _locked(workspace: Workspace) -> ModelChoice | None:
    """Two who choose at once take turns."""
    Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)
    return of(workspace.pk)
