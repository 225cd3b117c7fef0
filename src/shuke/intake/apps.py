from django.apps import AppConfig


class IntakeConfig(AppConfig):
    name = "shuke.intake"
    label = "intake"
