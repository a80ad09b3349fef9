from django.urls import path

from tasks import api as json
from tasks import views

api = [
    path("tasks", json.Tasks.as_view(), name="api-tasks"),
    path("tasks/search", json.SearchTasks.as_view(), name="api-tasks-search"),
    path("tasks/<uuid:task_id>", json.OneTask.as_view(), name="api-task"),
    path("tasks/<uuid:task_id>/history", json.History.as_view(), name="api-task-history"),
    path("tasks/<uuid:task_id>/sync", json.Settle.as_view(), name="api-task-sync"),
]
pages = [
    path("app/tasks", views.Tasks.as_view(), name="tasks"),
    path("app/tasks/<uuid:task_id>", views.OneTask.as_view(), name="task"),
]
