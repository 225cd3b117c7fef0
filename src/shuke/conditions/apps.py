from django.apps import AppConfig


class ConditionsConfig(AppConfig):
    name = "shuke.conditions"
    label = "conditions"
