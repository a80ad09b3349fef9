"""The process of `test_kills`: a worker that sends one task's changes."""

from accounts import tenancy
from accounts.models import Workspace
from tasks import sending


def main(workspace_id: str, outgoing_id: str) -> None:
    with tenancy.shared():
        workspace = Workspace.objects.get(pk=workspace_id)
    with tenancy.within(workspace):
        sending.send(outgoing_id=outgoing_id)
