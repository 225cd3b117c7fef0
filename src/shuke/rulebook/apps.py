from django.apps import AppConfig


class RulebookConfig(AppConfig):
    name = "shuke.rulebook"
    label = "rulebook"

    def ready(self) -> None:
        """Read every rule file at the start: a broken one stops the installation with its name, not a page later."""
        from .book import the_book

        the_book()
