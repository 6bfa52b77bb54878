from django.apps import AppConfig


class Stock(AppConfig):
    name = "bench.stock"
    label = "stock"
