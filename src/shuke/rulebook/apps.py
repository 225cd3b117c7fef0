from django.apps import AppConfig


class RulebookConfig(AppConfig):
    name = "shuke.rulebook"
    label = "rulebook"
