from django.apps import AppConfig


class MembersConfig(AppConfig):
    name = "standfirst.members"
    label = "members"
