import uuid
from typing import ClassVar

from django.http import Http404

from accounts import connections as authorizations
from accounts.edge import MemberPage
from accounts.models import Connection, Membership
from accounts.roles import Action
from billing.models import Subscription
from billing.permissions import can_use
from billing.plans import Feature


class ConnectionPage(MemberPage):
    schema_of_view: ClassVar[str] = "workspace"

    def connection(self, connection_id: uuid.UUID) -> Connection:
        connection = Connection.objects.readable_by(self.membership).filter(pk=connection_id).first()
        if connection is None:
            raise Http404
        return connection

    def owned(self, connection_id: uuid.UUID) -> Connection:
        try:
            return authorizations.owned(self.membership, connection_id)
        except authorizations.NoConnection as error:
            raise Http404 from error


def can_manage(membership: Membership, connection: Connection) -> bool:
    """As `authorizations.owned` insists, of a connection that the member may read."""
    is_mine = connection.owner_id == membership.user_id
    return authorizations.can_connect(membership) and (is_mine or membership.may(Action.MANAGE_CONNECTIONS))


def can_share(membership: Membership) -> bool:
    """Whether the plan has others to share with."""
    return can_use(Subscription.objects.get(workspace_id=membership.workspace_id), Feature.MEMBERS)


def key_in(given: str) -> uuid.UUID:
    """An id that a form names."""
    try:
        return uuid.UUID(given)
    except ValueError:
        raise Http404 from None
