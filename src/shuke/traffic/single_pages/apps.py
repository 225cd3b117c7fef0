from django.apps import AppConfig


class SinglePagesConfig(AppConfig):
    name = "shuke.traffic.single_pages"
    label = "single_pages"

    def ready(self) -> None:
        from shuke.traffic.single_pages import days

        days.register_derivations()
