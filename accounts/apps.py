from django.apps import AppConfig
from django.db.models.signals import post_delete


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        from allauth.mfa import signals
        from django_tenants.signals import tenant_delete_callback

        from accounts import second_factor

        # It drops schemas, which ours does not do; and while anybody listens, each deletion reads its rows first.
        post_delete.disconnect(tenant_delete_callback)
        signals.authenticator_removed.connect(second_factor.removed, dispatch_uid="second factor")
        signals.authenticator_reset.connect(second_factor.reset, dispatch_uid="second factor")
