"""By what staff find a customer: what stands in a mail, a ticket or at the payment provider."""

import uuid

from django.db.models import Exists, OuterRef, Q

from accounts.models import Connection, Membership

HELP = "E-mail address, name or id of the workspace, Notion workspace by name or id, Stripe customer or subscription"


def as_id(term: str) -> uuid.UUID | None:
    """With and without its dashes, as Notion writes both."""
    try:
        return uuid.UUID(term)
    except ValueError:
        return None


def workspaces(term: str) -> Q:
    """One thing to look for, blanks and all. A name of somebody's Notion is looked for and not shown."""
    key = as_id(term)
    people = Membership.objects.filter(workspace=OuterRef("pk"), user__email__icontains=term)
    ids = [term, *([str(key), key.hex] if key else [])]
    of_notion = Q(notion_workspace_id__in=ids) | Q(notion_workspace_name__icontains=term)
    notion = Connection.objects.filter(of_notion, workspace=OuterRef("pk"))
    found = Q(Exists(people)) | Q(Exists(notion)) | Q(name__icontains=term)
    found |= Q(stripe_account__customer_id=term) | Q(stripe_account__subscription_id=term)
    return found | Q(pk=key) if key else found


def people(term: str) -> Q:
    key = as_id(term)
    found = Q(email__icontains=term) | Q(name__icontains=term)
    return found | Q(pk=key) | Q(memberships__workspace_id=key) if key else found


def members(term: str) -> Q:
    key = as_id(term)
    found = Q(user__email__icontains=term) | Q(user__name__icontains=term) | Q(workspace__name__icontains=term)
    return found | Q(user_id=key) | Q(workspace_id=key) if key else found
