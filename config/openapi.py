"""The description of the API, its page, and what is said once for every call."""

from typing import Any

from drf_spectacular.authentication import SessionScheme
from drf_spectacular.contrib.rest_framework_simplejwt import SimpleJWTScheme
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerSplitView
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response

from config.headers import RETRY_AFTER

PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "pointer": {"type": "string"},
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                },
            },
        },
    },
}


class AccessToken(SimpleJWTScheme):  # type: ignore[no-untyped-call]  # a class hook of the package is not annotated
    target_class = "accounts.authentication.AccessTokenAuthentication"
    name = "token"


class ApiKey(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # as above
    """Which calls are open to a key, and with which scope, says `accounts.scopes.describe`."""

    target_class = "accounts.authentication.ApiKeyAuthentication"
    name = "api_key"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        words = "A key of the page API keys, or of POST /user/api-keys."
        return {"type": "http", "scheme": "bearer", "bearerFormat": "docent_…", "description": words}


class BrowserSession(SessionScheme):  # type: ignore[no-untyped-call]  # as above
    target_class = "accounts.authentication.BrowserSessionAuthentication"
    name = "session"


class Description(SpectacularJSONAPIView):
    authentication_classes = ()


class Reader(SpectacularSwaggerSplitView):
    """Swagger's page asks for styles inside the page, here and nowhere else."""

    authentication_classes = ()
    url_name = "openapi"

    def options(self, *args: Any, **kwargs: Any) -> Any:
        """A page has nothing to say of itself, and no template to say it in."""
        raise MethodNotAllowed("OPTIONS")

    def handle_exception(self, exc: Exception) -> Response:
        """A refusal is a problem document; no template makes one."""
        self.request.accepted_renderer, self.request.accepted_media_type = JSONRenderer(), JSONRenderer.media_type
        return super().handle_exception(exc)

    def finalize_response(self, *args: Any, **kwargs: Any) -> Any:
        response: Any = super().finalize_response(*args, **kwargs)
        response._csp_update = {"style-src": ["'unsafe-inline'"]}
        return response


def describe_problems(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Say once, for every call, what an error looks like."""
    result.setdefault("components", {}).setdefault("schemas", {})["Problem"] = PROBLEM
    answer = {
        "description": "What was wrong and what to do",
        "headers": RETRY_AFTER,
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for operations in result["paths"].values():
        for operation in operations.values():
            operation["responses"] |= {"4XX": answer, "5XX": answer}
    return result
