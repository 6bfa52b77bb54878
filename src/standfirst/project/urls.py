"""Every address of the magazine, in the order in which they are tried."""

from django.conf import settings
from django.contrib.auth.views import LogoutView
from django.urls import include, path, re_path
from wagtail import urls as wagtail_urls
from wagtail.admin import urls as newsroom_urls

from standfirst.account import withdrawing
from standfirst.articles import views as articles
from standfirst.library import views as library
from standfirst.library.browsers import description, suggestions
from standfirst.library.feeds import feed_of_search
from standfirst.newsletters import by_link, counting
from standfirst.newsletters import views as newsletters
from standfirst.newsletters.providers import addresses as mail_providers
from standfirst.project import views as project
from standfirst.reading import buying, plans
from standfirst.reading import views as reading
from standfirst.subscriptions import views as subscriptions
from standfirst.subscriptions.bill_page import bill_page

YEAR, MONTH = r"(?P<year>\d{4})", r"(?P<month>\d{2})"

urlpatterns = [
    # reading
    re_path(rf"^{YEAR}/{MONTH}/(?P<slug>[-\w]+)/$", reading.article, name="article"),
    *(
        re_path(
            rf"^{YEAR}/{MONTH}/(?P<slug>[-\w]+)/cite\.{form}$",
            articles.cite,
            {"form": form},
            name=f"cite_{form}",
        )
        for form in articles.CITED
    ),
    path("join/", reading.join_page, name="join_page"),
    path("join/now/", reading.join, name="join"),
    path("choose/<int:article>/", reading.choose, name="choose"),
    path("all-access/", plans.all_access, name="all_access"),
    path("all-access/buy/<int:price>/", buying.buy, name="buy"),
    path("all-access/bought/<str:checkout>/", buying.bought, name="bought"),
    path("withdraw/", withdrawing.by_naming, name="withdraw"),
    path("withdraw/<str:token>/", withdrawing.by_link, name="withdraw_link"),
    # lists
    re_path(rf"^{YEAR}/{MONTH}/$", articles.archive_month, name="archive_month"),
    path("archive/", articles.archive, name="archive"),
    path("library/", library.library, name="library"),
    path("library/missed/", library.missed, name="library_missed"),
    path("library/feed.atom", feed_of_search, name="search_feed"),
    path("library/suggestions/", suggestions, name="suggestions"),
    path("opensearch.xml", description, name="search_description"),
    path("topics/", articles.index, {"kind": "topics"}, name="topics"),
    path("regions/", articles.index, {"kind": "regions"}, name="regions"),
    path("authors/", articles.index, {"kind": "authors"}, name="authors"),
    path("section/<str:slug>/", articles.section, name="section"),
    path("topic/<str:slug>/", articles.topic, name="topic"),
    path("region/<str:slug>/", articles.region, name="region"),
    path("author/<str:slug>/", articles.author, name="author"),
    path("newsletters/", newsletters.newsletters, name="all_newsletters"),
    path("newsletters/<slug:letter>/", newsletters.newsletter, name="newsletter"),
    re_path(
        r"^newsletters/(?P<letter>[-\w]+)/(?P<day>\d{4}-\d{2}-\d{2})/$",
        newsletters.edition,
        name="edition",
    ),
    path("", include("standfirst.articles.machines")),  # feeds, sitemaps, robots.txt
    # members
    path("account/", include("standfirst.members.urls")),
    path("account/", include("standfirst.account.urls")),
    path("account/", include("allauth.urls")),
    path("mail/<str:token>/", by_link.preferences, name="mail_preferences"),
    path("mail/<str:token>/off/", by_link.unsubscribe, name="mail_unsubscribe"),
    path("mail/<str:token>/to/<int:number>/", counting.link, name="mail_link"),
    path("bills/<str:token>/", bill_page, name="bill"),
    # what others tell
    path("webhooks/<slug:provider>/", subscriptions.hear, name="webhooks"),
    path("webhooks/mail/", include((mail_providers(), "mail_providers"))),
    # the newsroom and the program itself
    # One way in for everybody, where tries are counted; Wagtail's way out signs out on a GET.
    path("newsroom/login/", project.log_in, {"otherwise": "/newsroom/"}),
    path("_util/login/", project.log_in),
    path("newsroom/logout/", LogoutView.as_view(next_page="/")),
    path("newsroom/", include("standfirst.articles.instead")),
    path("newsroom/", include(newsroom_urls)),
    path("healthz", project.health, name="health"),
    re_path(r"^media/(?P<path>.+)$", project.media, name="media"),
]
if settings.STANDFIRST_DEMO:
    urlpatterns += [
        path("outbox/", project.outbox, name="outbox"),
        path("outbox/<str:name>/", project.outbox_mail, name="outbox_mail"),
    ]
urlpatterns.append(path("", include(wagtail_urls)))

handler400 = "standfirst.project.views.bad_request"
handler403 = "standfirst.project.views.forbidden"
handler404 = "standfirst.project.views.not_found"
handler500 = "standfirst.project.views.server_error"
