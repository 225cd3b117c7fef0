from django.apps import AppConfig


class ProjectConfig(AppConfig):
    name = "shuke.project"
    label = "project"
