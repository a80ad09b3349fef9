"""What staff see of customers and do for them, at `/staff/`. No page, question, answer or token is shown there."""

from agent.admin.mails import MailAdmin
from agent.admin.people import CustomerAdmin, MemberAdmin
from agent.admin.workspaces import WorkspaceAdmin

__all__ = ["CustomerAdmin", "MailAdmin", "MemberAdmin", "WorkspaceAdmin"]
