"""Addresses that machines read: feeds, sitemaps, robots.txt."""

from django.urls import URLPattern, path

from standfirst.articles.feeds import SUBJECTS, Atom, Rss, feed
from standfirst.articles.sitemaps import (
    robots,
    sitemap,
    sitemap_articles,
    sitemap_lists,
    sitemap_news,
)

urlpatterns: list[URLPattern] = [
    path("feed.xml", feed, {"form": Rss}, name="feed"),
    path("feed.atom", feed, {"form": Atom}, name="feed_atom"),
    path("sitemap.xml", sitemap, name="sitemap"),
    path("sitemap-articles-<int:number>.xml", sitemap_articles, name="sitemap_articles"),
    path("sitemap-lists.xml", sitemap_lists, name="sitemap_lists"),
    path("sitemap-lists-<int:number>.xml", sitemap_lists, name="sitemap_lists"),
    path("sitemap-news.xml", sitemap_news, name="sitemap_news"),
    path("robots.txt", robots, name="robots"),
]
for _kind in SUBJECTS:
    _one = {"kind": _kind}
    urlpatterns += [
        path(f"{_kind}/<str:slug>/feed.xml", feed, {**_one, "form": Rss}, name=f"{_kind}_feed"),
        path(
            f"{_kind}/<str:slug>/feed.atom", feed, {**_one, "form": Atom}, name=f"{_kind}_feed_atom"
        ),
    ]
