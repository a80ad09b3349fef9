from django.apps import AppConfig


class AgentConfig(AppConfig):
    name = "agent"

    def ready(self) -> None:
        from django.db.models.signals import post_delete

        from accounts.models import Membership
        from agent import events
        from agent.sync import leaving
        from billing.team import members

        members.left.connect(leaving.on_left, dispatch_uid="connections of who left")
        post_delete.connect(
            events.on_membership_ended, sender=Membership, dispatch_uid="listening of who is a member no longer"
        )
