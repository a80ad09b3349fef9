"""What somebody typed on a page of a workspace that is not open any more, kept for the page that comes next."""

from django.http import HttpRequest

# As long as a question may be.
LONGEST = 4_000


def keep(request: HttpRequest, text: str, *, path: str) -> None:
    request.session["typed"] = (path, text[:LONGEST])


def take(request: HttpRequest) -> str:
    """What was kept for this page, once."""
    path, text = request.session.pop("typed", ("", ""))
    return str(text) if path == request.path else ""
