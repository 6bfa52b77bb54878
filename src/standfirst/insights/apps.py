from django.apps import AppConfig


class InsightsConfig(AppConfig):
    name = "standfirst.insights"
    label = "insights"
