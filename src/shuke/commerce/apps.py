from django.apps import AppConfig


class CommerceConfig(AppConfig):
    name = "shuke.commerce"
    label = "commerce"

    def ready(self) -> None:
        from shuke.commerce import order_facts
        from shuke.warehouse import derivations

        derivations.register(order_facts.DERIVATION)
