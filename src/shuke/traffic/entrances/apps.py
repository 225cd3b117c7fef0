from django.apps import AppConfig


class EntrancesConfig(AppConfig):
    name = "shuke.traffic.entrances"
    label = "traffic_entrances"

    def ready(self) -> None:
        from shuke.traffic.entrances import derived

        derived.register_derivations()
