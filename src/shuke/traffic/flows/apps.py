from django.apps import AppConfig


class FlowsConfig(AppConfig):
    name = "shuke.traffic.flows"
    label = "traffic_flows"

    def ready(self) -> None:
        from shuke.traffic.flows import derived

        derived.register_derivations()
