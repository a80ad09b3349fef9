"""The Celery application. Workers find their jobs in each app's `jobs.py`."""

import os
from typing import Any

from celery import Celery, signals
from celery.concurrency import get_implementation
from celery.concurrency.thread import TaskPool as ThreadPool
from django.core.exceptions import ImproperlyConfigured

from config import logs

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("docent")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(related_name="jobs")


signals.setup_logging.connect(logs.of_celery)


# Of Celery's signals the one whose failures stop a worker and beat from starting.
@signals.import_modules.connect
def insist(**_: object) -> None:
    # The web process imports the jobs too, while it already serves; config.wsgi has asked for it.
    if not app.loader.worker_initialized:
        return
    from config.checks import insist_on_production, insist_on_walls

    insist_on_production()
    insist_on_walls()


@signals.worker_init.connect
def insist_on_enough_connections(sender: Any, **_: object) -> None:
    """Each thread of a worker holds a connection; of a worker of processes each has its own pool of them."""
    from config.checks import insist_on_connections

    if not issubclass(get_implementation(sender.pool_cls), ThreadPool):
        return
    try:
        insist_on_connections(int(sender.concurrency), of="-c")
    except ImproperlyConfigured as error:
        # What else is raised here is only logged.
        raise SystemExit(str(error)) from None
