from django.apps import AppConfig


class AgentConfig(AppConfig):
    name = "agent"

    def ready(self) -> None:
        from django.db.models.signals import post_delete

        from accounts.models import Membership
        from agent import events
        from agent.sync import leaving
        from billing.keys import services as keys
        from billing.team import members

        members.left.connect(leaving.on_left, dispatch_uid="connections of who left")
        post_delete.connect(
            events.on_membership_ended, sender=Membership, dispatch_uid="listening of who is a member no longer"
        )
        keys.ended.connect(events.on_key_ended, dispatch_uid="listening with a key that was ended")
