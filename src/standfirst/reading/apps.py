from django.apps import AppConfig


class ReadingConfig(AppConfig):
    name = "standfirst.reading"
    label = "reading"
