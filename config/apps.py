from django.apps import AppConfig
from django.core import checks


class ConfigConfig(AppConfig):
    name = "config"

    def ready(self) -> None:
        from config.checks import as_system_check

        checks.register(as_system_check)
