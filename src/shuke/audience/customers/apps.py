from django.apps import AppConfig


class CustomersConfig(AppConfig):
    name = "shuke.audience.customers"
    label = "audience_customers"
