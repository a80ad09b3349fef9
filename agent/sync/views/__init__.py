from agent.sync.views.connecting import Authorize, Callback, Choose, Connect
from agent.sync.views.progress import Events, Progress
from agent.sync.views.sources import OneSource, Sources, SyncNow

__all__ = ["Authorize", "Callback", "Choose", "Connect", "Events", "OneSource", "Progress", "Sources", "SyncNow"]
