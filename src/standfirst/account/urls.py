"""The member's own pages; tried before allauth's, some of which they replace."""

from django.urls import path

from standfirst.account import all_access, following, views, withdrawing

urlpatterns = [
    path("", views.account, name="account"),
    path("all-access/", all_access.overview, name="my_all_access"),
    path("all-access/cancel/", all_access.cancel_page, name="cancel_all_access"),
    path("all-access/resume/", all_access.resume_now, name="resume_all_access"),
    path("all-access/change/", all_access.change, name="change_all_access"),
    path("all-access/card/", all_access.card, name="all_access_card"),
    path("all-access/withdraw/", withdrawing.mine, name="withdraw_mine"),
    path("shelf/", views.shelf_page, name="shelf"),
    path("chosen/", views.chosen, name="chosen"),
    path("reading-list/", views.reading_list_page, name="reading_list"),
    path("reading-list/ids/", views.saved_ids, name="saved_ids"),
    path("reading-list/<int:article>/", views.save, name="save"),
    path("reading-list/<int:article>/off/", views.unsave, name="unsave"),
    path("newsletters/", views.newsletters, name="my_newsletters"),
    path("following/ids/", following.follow_ids, name="follow_ids"),
    path("following/<str:kind>/<int:number>/", following.follow, name="follow"),
    path("sign-in/", views.sign_in_methods, name="sign_in_methods"),
    path("password/", views.password, name="password"),
    path("data/", views.data, name="data"),
    path("data/download/", views.download, name="download_data"),
    path("delete/", views.delete, name="delete_account"),
    # In place of allauth's pages, under its names, since its views link to them.
    path("email/", views.address, name="account_email"),
    path("sessions/", views.sessions, name="usersessions_list"),
    path("password/change/", views.password_instead),
    path("password/set/", views.password_instead),
]
