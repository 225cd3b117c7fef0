from django.apps import AppConfig


class RecordsConfig(AppConfig):
    name = "shuke.records"
    label = "records"
