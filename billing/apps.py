from django.apps import AppConfig


class BillingConfig(AppConfig):
    name = "billing"

    def ready(self) -> None:
        from allauth.account.models import EmailAddress
        from django.db.models.signals import post_save

        from billing import one_trial

        post_save.connect(one_trial.on_address, sender=EmailAddress, dispatch_uid="one trial")
