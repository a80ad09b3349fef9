"""The Celery application of beat alone: it says when, by name, and loads none of the work it names, nor a database.

`celery -A config.beat beat`; workers take `config.celery`.
"""

import logging.config
import os

from celery import Celery, signals
from django.conf import settings

from config import logs
from config.checks import insist_on_production

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
logging.config.dictConfig(settings.LOGGING)
insist_on_production()

# Without the fixups that would set up Django.
app = Celery("docent", fixups=[])
app.config_from_object("django.conf:settings", namespace="CELERY")
signals.setup_logging.connect(logs.of_celery)
