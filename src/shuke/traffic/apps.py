from django.apps import AppConfig


class TrafficConfig(AppConfig):
    name = "shuke.traffic"
    label = "traffic"

    def ready(self) -> None:
        from shuke.traffic import derived, fields

        fields.register()
        derived.register_derivations()
