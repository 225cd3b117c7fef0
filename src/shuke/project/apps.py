from django.apps import AppConfig


class ProjectConfig(AppConfig):
    name = "shuke.project"
    label = "project"

    def ready(self) -> None:
        from shuke.project import wiring

        wiring.connect()
