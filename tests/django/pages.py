"""The pages of that site: those of django-phone-auth, three guarded ones of its own, and receivers that
print what they are sent, a line each: the name of the signal and a JSON object."""

import json

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.urls import include, path
from phone_auth import signals
from phone_auth.decorators import verified_email_required, verified_phone_required


def _print(name, field):
    def receiver(sender, user, url, **kwargs):
        payload = {
            "url": str(url),
            field: str(kwargs[field]),
            "user": {"id": user.pk, "username": user.username},
        }
        print(name, json.dumps(payload), flush=True)

    return receiver


RECEIVERS = {
    name: _print(name, field)
    for name, field in [
        ("reset_password_email", "email"),
        ("reset_password_phone", "phone"),
        ("verify_email", "email"),
        ("verify_phone", "phone"),
    ]
}
for _name, _receiver in RECEIVERS.items():
    getattr(signals, _name).connect(_receiver)


@login_required
def profile(request):
    return HttpResponse(f"<p>{request.user.username}</p>")


@verified_email_required
def with_email(request):
    return HttpResponse("<p>email</p>")


@verified_phone_required
def with_phone(request):
    return HttpResponse("<p>phone</p>")


def basket(request):
    """Keeps something in the session, logged in or not."""
    if "put" in request.GET:
        request.session["basket"] = request.GET["put"]
    return HttpResponse(f"<p>{request.session.get('basket', '')}</p>")


urlpatterns = [
    path("accounts/", include("phone_auth.urls", namespace="phone_auth")),
    path("accounts/profile/", profile),
    path("members/email/", with_email),
    path("members/phone/", with_phone),
    path("basket/", basket),
]
