from django.apps import AppConfig


class ValueConfig(AppConfig):
    name = "shuke.audience.value"
    label = "audience_value"
