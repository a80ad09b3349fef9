from .conversations import Conversations, OneConversation
from .runs import Ask, OneRun, RunEvents, RunFeedback, StopRun

__all__ = ["Ask", "Conversations", "OneConversation", "OneRun", "RunEvents", "RunFeedback", "StopRun"]
