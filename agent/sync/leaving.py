"""What goes with a member who leaves: the connections that were theirs alone, and what was read through them."""

from functools import partial
from typing import Any

from django.db import transaction

from accounts import background, connections
from accounts.models import Connection, Membership


def on_left(sender: Any, membership: Membership, **_: Any) -> None:
    """In the transaction that ends the membership, so none is forgotten. What was shared stays the workspace's."""
    from agent.sync.jobs import erase_connection

    own = Connection.objects.filter(workspace_id=membership.workspace_id, owner_id=membership.user_id, is_shared=False)
    for connection in own.exclude(status=Connection.Status.DISCONNECTED).order_by("pk"):
        connections.end(connection)
        background.enqueue(
            erase_connection,
            workspace_id=membership.workspace_id,
            key=f"erase {connection.id}",
            connection_id=str(connection.id),
        )
        # This object still holds the token that the row has forgotten.
        transaction.on_commit(partial(connections.revoke, connection))
