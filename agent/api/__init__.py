from .conversations import Conversations, OneConversation
from .runs import Ask, OneRun, RunEvents, RunFeedback, StopRun
from .workspace import OneWorkspace

__all__ = ["Ask", "Conversations", "OneConversation", "OneRun", "OneWorkspace", "RunEvents", "RunFeedback", "StopRun"]
