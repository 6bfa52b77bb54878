from django.apps import AppConfig


class ProjectConfig(AppConfig):
    name = "standfirst.project"
    label = "standfirst"
    verbose_name = "Standfirst"

    def ready(self) -> None:
        from standfirst.newsletters.providers import listen
        from standfirst.project.reactions import REACTIONS
        from standfirst.publication.events import react_with

        react_with(REACTIONS)
        listen()
