from django.apps import AppConfig


class ShopsConfig(AppConfig):
    name = "shuke.shops"
    label = "shops"

    def ready(self) -> None:
        from shuke.records import personal
        from shuke.shops import repeats

        personal.register(repeats.STORE)
