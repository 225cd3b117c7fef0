from django.apps import AppConfig


class SinglePagesConfig(AppConfig):
    name = "shuke.traffic.single_pages"
    label = "single_pages"
