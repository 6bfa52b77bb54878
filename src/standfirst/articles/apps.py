from django.apps import AppConfig


class ArticlesConfig(AppConfig):
    name = "standfirst.articles"
    label = "articles"
