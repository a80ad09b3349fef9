from django.urls import path

from tasks import api as json
from tasks import views

api = [
    path("tasks", json.Tasks.as_view(), name="api-tasks"),
    path("tasks/search", json.SearchTasks.as_view(), name="api-tasks-search"),
    path("tasks/<uuid:task_id>", json.OneTask.as_view(), name="api-task"),
]
pages = [path("app/tasks", views.Tasks.as_view(), name="tasks")]
