"""The warehouse as a Django app."""

from django.apps import AppConfig


class WarehouseConfig(AppConfig):
    name = "shuke.warehouse"
    label = "warehouse"

    def ready(self) -> None:
        from shuke.records import personal
        from shuke.warehouse.personal import STORE

        personal.register(STORE)
