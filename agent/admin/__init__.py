"""What staff see of customers and do for them, at `/staff/`. No page, question, answer or token is shown there."""

from agent.admin.certificates import CertificateAdmin
from agent.admin.mails import MailAdmin
from agent.admin.people import CustomerAdmin, MemberAdmin
from agent.admin.workspaces import WorkspaceAdmin

__all__ = ["CertificateAdmin", "CustomerAdmin", "MailAdmin", "MemberAdmin", "WorkspaceAdmin"]
