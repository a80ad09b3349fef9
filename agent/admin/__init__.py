"""What staff see of customers and do for them, at `/staff/`. No page, question, answer or token is shown there."""

from agent.admin.certificates import CertificateAdmin

__all__ = ["CertificateAdmin"]
