"""Secrets at rest: AES-256-GCM under a key of the workspace's own, bound to the row and column they belong to."""

import base64
import binascii
import functools
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

VERSION = "s1"
NONCE_BYTES = 12


class Unreadable(Exception):
    """Sealed for another place, with a key that is gone, or changed since."""


@functools.lru_cache(maxsize=4096)
def _cipher(key: bytes, workspace_id: str) -> AESGCM:
    derived = HKDF(hashes.SHA256(), length=32, salt=None, info=f"docent {VERSION} {workspace_id}".encode()).derive(key)
    return AESGCM(derived)


def _place(key_name: str, workspace_id: str, place: str) -> bytes:
    return "\0".join((VERSION, key_name, workspace_id, place)).encode()


def seal(text: str, *, workspace_id: object, place: str) -> str:
    name, key = next(iter(settings.SEAL_KEYS.items()))
    nonce = os.urandom(NONCE_BYTES)
    sealed = _cipher(key, str(workspace_id)).encrypt(nonce, text.encode(), _place(name, str(workspace_id), place))
    return f"{VERSION}.{name}.{base64.urlsafe_b64encode(nonce + sealed).decode()}"


def unseal(sealed: str, *, workspace_id: object, place: str) -> str:
    try:
        version, name, encoded = sealed.split(".", 2)
        raw = base64.urlsafe_b64decode(encoded)
        if version != VERSION or name not in settings.SEAL_KEYS:
            raise Unreadable(f"It was sealed with the key {name!r}, which SEAL_KEYS does not hold.")
        cipher = _cipher(settings.SEAL_KEYS[name], str(workspace_id))
        where = _place(name, str(workspace_id), place)
        return cipher.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], where).decode()
    except (ValueError, binascii.Error, InvalidTag) as error:
        raise Unreadable("It does not belong here, or it was changed.") from error


def is_current(sealed: str) -> bool:
    """Sealed with the first key of the ring, so that older keys may go."""
    return sealed.split(".", 2)[1:2] == [next(iter(settings.SEAL_KEYS))]
