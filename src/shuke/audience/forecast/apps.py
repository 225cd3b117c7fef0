from django.apps import AppConfig


class ForecastConfig(AppConfig):
    name = "shuke.audience.forecast"
    label = "audience_forecast"
