"""Sections and articles in Wagtail's tree, and a paywall asked of the ORM."""

from django.conf import settings
from django.db import models
from django.utils import timezone
from wagtail import blocks
from wagtail.fields import RichTextField, StreamField
from wagtail.models import Page


class SectionPage(Page):
    pass


class ArticlePage(Page):
    standfirst = models.TextField()
    author = models.CharField(max_length=200)
    date = models.DateTimeField()
    photo = models.ForeignKey("wagtailimages.Image", null=True, on_delete=models.SET_NULL)
    preview = RichTextField()
    rest = StreamField([("text", blocks.RichTextBlock())])

    def get_context(self, request, *args, **kwargs):  # type: ignore[no-untyped-def]
        context = super().get_context(request, *args, **kwargs)
        related = ArticlePage.objects.live().sibling_of(self, inclusive=False)
        return {
            **context,
            "may_read": may_read(request.user, self),
            "related": related.order_by("-date")[:6],
            "menu": SectionPage.objects.live().in_menu(),
        }


class Subscription(models.Model):  # noqa: DJ008
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    ends = models.DateTimeField()


class Unlock(models.Model):  # noqa: DJ008
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    article = models.ForeignKey(ArticlePage, on_delete=models.CASCADE)


def may_read(user, article: ArticlePage) -> bool:  # type: ignore[no-untyped-def]
    if not user.is_authenticated:
        return False
    if Subscription.objects.filter(user=user, ends__gt=timezone.now()).exists():
        return True
    return Unlock.objects.filter(user=user, article=article).exists()
