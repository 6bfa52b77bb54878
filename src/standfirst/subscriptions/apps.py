from django.apps import AppConfig


class SubscriptionsConfig(AppConfig):
    name = "standfirst.subscriptions"
    label = "subscriptions"
