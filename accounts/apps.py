from django.apps import AppConfig
from django.db.models.signals import post_delete


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        from allauth.mfa.signals import authenticator_added
        from django_tenants.signals import tenant_delete_callback

        from accounts import second_factor

        # It drops schemas, which ours does not do; and while anybody listens, each deletion reads its rows first.
        post_delete.disconnect(tenant_delete_callback)
        authenticator_added.connect(second_factor.end_tokens, dispatch_uid="end tokens")
