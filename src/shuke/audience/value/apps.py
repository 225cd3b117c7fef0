from django.apps import AppConfig


class ValueConfig(AppConfig):
    name = "shuke.audience.value"
    label = "audience_value"

    def ready(self) -> None:
        from shuke.audience import timeline
        from shuke.audience.value import leaders, on_timeline
        from shuke.records import personal

        timeline.register(on_timeline.KIND)
        personal.register(leaders.STORE)
