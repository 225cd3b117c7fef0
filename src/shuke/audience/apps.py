from django.apps import AppConfig


class AudienceConfig(AppConfig):
    name = "shuke.audience"
    label = "audience"
