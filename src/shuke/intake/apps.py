from django.apps import AppConfig


class IntakeConfig(AppConfig):
    name = "shuke.intake"
    label = "intake"

    def ready(self) -> None:
        from shuke.intake.files import load, uploads  # noqa: F401 - the import job registers itself
        from shuke.intake.quarantine import personal as quarantine
        from shuke.records import personal

        personal.register(uploads.STORE)
        personal.register(quarantine.STORE)
