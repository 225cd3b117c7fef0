from django.apps import AppConfig


class FunnelsConfig(AppConfig):
    name = "shuke.traffic.funnels"
    label = "funnels"

    def ready(self) -> None:
        from shuke.records import personal
        from shuke.traffic.funnels import tending  # noqa: F401  (what is tended)
        from shuke.traffic.funnels.personal import STORE

        personal.register(STORE)
