from django.apps import AppConfig


class SegmentsConfig(AppConfig):
    name = "shuke.audience.segments"
    label = "audience_segments"

    def ready(self) -> None:
        from shuke.audience.segments import fields

        fields.register()
