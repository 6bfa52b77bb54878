"""Settings of this magazine. They come from the environment and `.env`; change any of them here.

TIME_ZONE, INSTALLED_APPS, LOGGING, ...: see Django's and Wagtail's documentation.
"""

from standfirst.project.settings import *  # noqa: F403
