from django.apps import AppConfig


class AccountConfig(AppConfig):
    name = "standfirst.account"
    label = "reader_account"  # "account" is allauth's
