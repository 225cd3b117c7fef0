from django.apps import AppConfig


class AlertsConfig(AppConfig):
    name = "shuke.traffic.alerts"
    label = "traffic_alerts"

    def ready(self) -> None:
        from shuke.traffic.alerts import mail, tending, today  # noqa: F401  (jobs, what is tended, lines of Today)
