from django.apps import AppConfig


class ContactsConfig(AppConfig):
    name = "shuke.audience.contacts"
    label = "audience_contacts"
