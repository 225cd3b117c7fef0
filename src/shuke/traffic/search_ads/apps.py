from django.apps import AppConfig


class SearchAdsConfig(AppConfig):
    name = "shuke.traffic.search_ads"
    label = "traffic_search_ads"
