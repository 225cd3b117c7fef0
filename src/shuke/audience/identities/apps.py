"""Which names are one customer, and who said so."""

from django.apps import AppConfig


class IdentitiesConfig(AppConfig):
    name = "shuke.audience.identities"
    label = "audience_identities"

    def ready(self) -> None:
        from shuke.audience.identities import following  # noqa: F401  (what is tended)
        from shuke.audience.identities.personal import STORE
        from shuke.records import personal

        personal.register(STORE)
