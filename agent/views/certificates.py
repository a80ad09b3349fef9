from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache

from agent import certifying


@method_decorator(never_cache, name="dispatch")
class CertificatePage(View):
    """Whoever has the link from the last mail: nobody is left who could sign in."""

    http_method_names = ["get"]

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        try:
            certificate = certifying.find(token)
        except certifying.NoCertificate as error:
            raise Http404 from error
        context = {"certificate": certifying.as_json(certificate), "token": token}
        return render(request, "accounts/certificate.html", context)
