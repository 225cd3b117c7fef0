from django.apps import AppConfig


class ContactsConfig(AppConfig):
    name = "shuke.audience.contacts"
    label = "audience_contacts"

    def ready(self) -> None:
        from shuke.audience import timeline
        from shuke.audience.contacts.entries import KIND
        from shuke.audience.contacts.personal import STORE
        from shuke.records import personal
        from shuke.records.audit import mask_personal

        personal.register(STORE)
        mask_personal("ip")
        timeline.register(KIND)
