from django.apps import AppConfig


class IdentitiesConfig(AppConfig):
    name = "shuke.audience.identities"
    label = "audience_identities"
