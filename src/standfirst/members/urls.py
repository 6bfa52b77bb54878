"""Confirming and signing in; tried before allauth's, some of which it answers otherwise."""

from django.urls import path

from standfirst.members import views

urlpatterns = [
    path("confirm/", views.confirm_code, name="confirm_code"),
    path("confirm/send/", views.send_confirmation, name="send_confirmation"),
    path("confirm/<str:token>/", views.confirm_link, name="confirm_link"),
    path("link/<str:token>/", views.sign_in_link, name="sign_in_link"),
    # Instead of pages of allauth's at the same addresses.
    path("signup/", views.join_instead),
    path("password/reset/", views.sign_in_instead),
    path("password/reset/<path:rest>", views.sign_in_instead),
    path("confirm-email/", views.confirm_instead),
    path("confirm-email/<str:key>/", views.confirm_instead),
    path("2fa/", views.passkeys_instead),
]
