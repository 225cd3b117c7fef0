from django.apps import AppConfig


class ItemsConfig(AppConfig):
    name = "shuke.traffic.items"
    label = "traffic_items"

    def ready(self) -> None:
        from shuke.traffic.items import derived

        derived.register_derivations()
