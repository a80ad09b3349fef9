from django.apps import AppConfig


class AgentConfig(AppConfig):
    name = "agent"

    def ready(self) -> None:
        from agent.sync import leaving
        from billing.team import members

        members.left.connect(leaving.on_left, dispatch_uid="connections of who left")
