from django.apps import AppConfig


class RoutesConfig(AppConfig):
    name = "shuke.traffic.routes"
    label = "routes"

    def ready(self) -> None:
        from shuke.traffic import trails

        trails.register_derivation()
