from django.apps import AppConfig


class TrafficConfig(AppConfig):
    name = "shuke.traffic"
    label = "traffic"

    def ready(self) -> None:
        from shuke.traffic import derived, fields
        from shuke.traffic.reads import cohort_fields

        fields.register()
        cohort_fields.register()
        derived.register_derivations()
