from agent.sync.views.connecting import Authorize, Callback, Choose, Connect, Progress
from agent.sync.views.sources import OneSource, Sources, SyncNow

__all__ = ["Authorize", "Callback", "Choose", "Connect", "OneSource", "Progress", "Sources", "SyncNow"]
