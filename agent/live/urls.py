from django.urls import path

from agent.live import api as json

api = [path("webhooks/notion", json.FromNotion.as_view(), name="webhook-notion")]
