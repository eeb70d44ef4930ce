"""The product's settings, and one more address: an empty view behind the same middleware."""

from ccxsec_project.settings import *  # noqa: F403

ROOT_URLCONF = "benchmarks.web_urls"
