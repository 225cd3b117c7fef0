from django.apps import AppConfig


class CustomersConfig(AppConfig):
    name = "shuke.audience.customers"
    label = "audience_customers"

    def ready(self) -> None:
        from shuke.audience.customers import fact_kinds, said_kinds  # noqa: F401  (kinds of the time line)
        from shuke.audience.customers.personal import STORE
        from shuke.records import personal

        personal.register(STORE)
