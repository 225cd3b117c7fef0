from django.apps import AppConfig


class WarehouseConfig(AppConfig):
    name = "shuke.warehouse"
    label = "warehouse"
