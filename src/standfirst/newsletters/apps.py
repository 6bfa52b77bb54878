from django.apps import AppConfig


class NewslettersConfig(AppConfig):
    name = "standfirst.newsletters"
    label = "newsletters"
