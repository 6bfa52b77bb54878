from django.apps import AppConfig


class AccessConfig(AppConfig):
    name = "standfirst.access"
    label = "access"
