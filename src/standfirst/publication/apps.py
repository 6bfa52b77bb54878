from django.apps import AppConfig


class PublicationConfig(AppConfig):
    name = "standfirst.publication"
    label = "publication"
    verbose_name = "Publication"
