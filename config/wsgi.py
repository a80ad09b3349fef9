"""Django alone. A plain WSGI server can serve it: waiting for a run is then the client's part (202 and polling)."""

import os

from django.core.wsgi import get_wsgi_application

from config.checks import insist_on_production, insist_on_walls

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_wsgi_application()
insist_on_production()
insist_on_walls()
