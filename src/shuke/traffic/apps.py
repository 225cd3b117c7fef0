from django.apps import AppConfig


class TrafficConfig(AppConfig):
    name = "shuke.traffic"
    label = "traffic"
