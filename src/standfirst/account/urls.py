"""The member's own pages."""

from django.urls import path

from standfirst.account import views

urlpatterns = [
    path("", views.account, name="account"),
]
