"""The Celery application. Workers find their jobs in each app's `jobs.py`."""

import os

from celery import Celery, signals

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("docent")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(related_name="jobs")


# Of Celery's signals the one whose failures stop a worker and beat from starting.
@signals.import_modules.connect
def insist(**_: object) -> None:
    # The web process imports the jobs too, while it already serves; config.wsgi has asked for it.
    if not app.loader.worker_initialized:
        return
    from config.checks import insist_on_production, insist_on_walls

    insist_on_production()
    insist_on_walls()
