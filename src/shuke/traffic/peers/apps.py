from django.apps import AppConfig


class PeersConfig(AppConfig):
    name = "shuke.traffic.peers"
    label = "traffic_peers"
