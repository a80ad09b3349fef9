"""One request, one answer or one error of ours. No waiting and no repeating happens here."""

import functools
import json
import logging
import re
import ssl
from typing import Any
from urllib.parse import urlsplit

import httpx
from notion_client import Client
from notion_client.errors import HTTPResponseError, InvalidPathParameterError, RequestTimeoutError

from integrations.notion.answers import error_for
from integrations.notion.cleaning import storable
from integrations.notion.errors import BrokenAnswer, Invalid, NotConfigured, NotConnected, TimedOut, Unreachable

Json = dict[str, Any]

VERSION = "2026-03-11"
DEFAULT_BASE_URL = "https://api.notion.com"
TIMEOUT = 60.0  # Notion itself gives up after 60 seconds
CONNECT_TIMEOUT = 10.0

_library_logger = logging.getLogger("integrations.notion.library")


@functools.cache
def _authorities() -> ssl.SSLContext:
    """Read once for all clients: reading the list costs more than a sync without changes."""
    return httpx.create_ssl_context()


class Wire:
    def __init__(self, *, base_url: str, token: str | None, version: str = VERSION, timeout: float = TIMEOUT) -> None:
        if urlsplit(base_url).scheme not in ("http", "https"):
            raise NotConfigured("The address of Notion's API must start with http:// or https://")
        self.base_url = base_url.rstrip("/")
        # The library's own logger and retries stay off: it adds a handler per client, and sleeps in the worker.
        self._client = Client(
            client=httpx.Client(verify=_authorities()),
            auth=None if token is None else _header_safe(token),
            notion_version=version,
            base_url=self.base_url,
            timeout_ms=int(timeout * 1_000),
            retry=False,
            logger=_library_logger,
            log_level=logging.ERROR,
        )
        self._client.client.timeout = httpx.Timeout(timeout, connect=min(timeout, CONNECT_TIMEOUT))

    def __repr__(self) -> str:
        return f"<Wire {self.base_url}>"

    def close(self) -> None:
        self._client.close()

    def use(self, token: str) -> None:
        self._client.client.headers["Authorization"] = f"Bearer {_header_safe(token)}"

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Json | None = None,
        body: Json | None = None,
        basic: tuple[str, str] | None = None,
    ) -> Json:
        auth = {"client_id": basic[0], "client_secret": basic[1]} if basic else None
        try:
            answer = storable(self._client.request(path=path, method=method, query=query, body=body, auth=auth))
        except RequestTimeoutError as error:
            if isinstance(error.__context__, httpx.ConnectTimeout):
                raise NotConnected("Notion could not be reached (ConnectTimeout)") from error
            raise TimedOut("Notion did not answer in time") from error
        except HTTPResponseError as error:
            raise error_for(error.status, error.headers, error.body) from error
        except InvalidPathParameterError as error:
            raise Invalid("The id cannot be part of an address") from error
        except httpx.ConnectError as error:
            raise NotConnected("Notion could not be reached (ConnectError)") from error
        except httpx.HTTPError as error:
            raise Unreachable(f"Notion could not be reached ({type(error).__name__})") from error
        except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
            raise BrokenAnswer("Notion's answer is not readable JSON") from error
        except ValueError:  # half characters, NaN; the original may quote what it could not write
            raise Invalid("The request cannot be written as JSON") from None
        if not isinstance(answer, dict):
            raise BrokenAnswer("Notion's answer is not a JSON object")
        return answer


def _header_safe(token: str) -> str:
    """What was pasted may be anything; an error of the HTTP library would quote it."""
    if not re.fullmatch(r"[!-~]+", token):
        raise NotConfigured("This is not a Notion token")
    return token
