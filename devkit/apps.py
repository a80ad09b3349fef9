from django.apps import AppConfig


class DevkitConfig(AppConfig):
    """The demo's command. Installed only where the demo may exist: never in production."""

    name = "devkit"
