from django.apps import AppConfig


class CommerceConfig(AppConfig):
    name = "shuke.commerce"
    label = "commerce"
