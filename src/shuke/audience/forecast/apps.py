from django.apps import AppConfig


class ForecastConfig(AppConfig):
    name = "shuke.audience.forecast"
    label = "audience_forecast"

    def ready(self) -> None:
        from shuke.audience.forecast import tending  # noqa: F401  (its kind of job, and what is tended)
