"""What the newsroom does with whole accounts."""

from django.urls import URLPattern, path
from wagtail import hooks

from standfirst.account.newsroom import merge_members


@hooks.register("register_admin_urls")
def merging() -> list[URLPattern]:
    return [path("members/<int:pk>/merge/", merge_members, name="merge_members")]
