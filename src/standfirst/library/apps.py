from django.apps import AppConfig


class LibraryConfig(AppConfig):
    name = "standfirst.library"
    label = "library"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from standfirst.library.watching import watch

        watch()
