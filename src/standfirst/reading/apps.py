from django.apps import AppConfig


class ReadingConfig(AppConfig):
    name = "standfirst.reading"
    label = "reading"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from standfirst.reading.freshness import watch

        watch()
