"""Whole numbers as others send them. Python's own reading takes `1_0`, ` 5 ` and the digits of every script."""

import re
from argparse import ArgumentTypeError
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from rest_framework import serializers

# As many digits as every column holds.
WHOLE = re.compile(r"-?[0-9]{1,18}")


def whole(text: str) -> int | None:
    """None when it is none."""
    return int(text) if WHOLE.fullmatch(text) else None


def argument(text: str) -> int:
    """Of a command."""
    number = whole(text)
    if number is None:
        raise ArgumentTypeError(f"{text[:40]!r} is no whole number")
    return number


class WholeNumber(serializers.IntegerField):
    """Of a JSON body or a query."""

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, str) and whole(data) is None:
            self.fail("invalid")
        return int(super().to_internal_value(data))


class WholeNumberField(forms.IntegerField):
    """Of a page."""

    def to_python(self, value: Any) -> int | None:
        if isinstance(value, str) and value and whole(value) is None:
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return super().to_python(value)
