from django.apps import AppConfig
from django.db.models.signals import post_delete


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        from allauth.mfa import signals
        from django.contrib.auth.signals import user_logged_in, user_logged_out
        from django_tenants.signals import tenant_delete_callback

        from accounts import impersonation, second_factor, sessions

        # It drops schemas, which ours does not do; and while anybody listens, each deletion reads its rows first.
        post_delete.disconnect(tenant_delete_callback)
        user_logged_in.connect(sessions.note_beginning, dispatch_uid="session's beginning")
        user_logged_out.connect(impersonation.signed_out, dispatch_uid="impersonation")
        signals.authenticator_removed.connect(second_factor.removed, dispatch_uid="second factor")
        signals.authenticator_reset.connect(second_factor.reset, dispatch_uid="second factor")
