from django.apps import AppConfig


class PublicationConfig(AppConfig):
    name = "standfirst.publication"
    label = "publication"
    verbose_name = "Publication"

    def ready(self) -> None:
        """Set the newsroom's clock: Wagtail itself knows only the server's zone."""
        from wagtail.admin import localization

        from standfirst.publication.clock import in_newsroom_time

        localization.override_tz = in_newsroom_time
