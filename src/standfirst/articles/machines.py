"""Addresses that machines read: feeds, sitemaps, robots.txt."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
