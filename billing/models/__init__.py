from .by_staff import GivenPlan, PlanRequest
from .figures import WorkspaceFigures
from .stripe import StripeAccount, StripeEvent, StripePage
from .subscription import Subscription, TrialPerson

__all__ = [
    "GivenPlan",
    "PlanRequest",
    "StripeAccount",
    "StripeEvent",
    "StripePage",
    "Subscription",
    "TrialPerson",
    "WorkspaceFigures",
]
