from django.apps import AppConfig


class IntakeConfig(AppConfig):
    name = "shuke.intake"
    label = "intake"

    def ready(self) -> None:
        from shuke.intake import erased
        from shuke.intake.files import load  # noqa: F401 - the import job registers itself
        from shuke.intake.files import personal as files
        from shuke.intake.quarantine import kept_events, mends  # noqa: F401 - so do what mends new events, and the job
        from shuke.intake.quarantine import personal as quarantine
        from shuke.records import personal

        personal.register(files.STORE)
        personal.register(quarantine.STORE)
        personal.register(erased.STORE)
