"""The base of what programs may send as JSON."""

from collections.abc import Mapping
from typing import Any, ClassVar, NoReturn

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail


class Choice(serializers.ChoiceField):
    """One of a few words; a refusal names them all."""

    default_error_messages: ClassVar[dict[str, Any]] = {"invalid_choice": "There is no such choice. Known: {known}."}

    def fail(self, key: str, **kwargs: Any) -> NoReturn:
        super().fail(key, known=", ".join(map(str, self.choices)), **kwargs)


class Body(serializers.Serializer[Any]):
    """A field that nobody knows is refused: left out quietly, its sender would believe that it was done. So is a number
    for a text, which could be written in more than one way. All that is wrong is said at once."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return super().to_internal_value(data)
        wrong = {name: [ErrorDetail(words, code)] for name, code, words in self._strange(data)}
        try:
            values = super().to_internal_value(data)
        except serializers.ValidationError as error:
            fields: Any = error.detail
            wrong = {**fields, **wrong}
        if wrong:
            raise serializers.ValidationError(wrong)
        return values

    def _strange(self, data: Mapping[str, Any]) -> list[tuple[str, str, str]]:
        """Of what the framework does not mind: the field, a code and words."""
        writable = {name: field for name, field in self.fields.items() if not field.read_only}
        unknown = f"There is no such field here. Known: {', '.join(writable)}."
        numbers = [name for name, field in writable.items() if _is_number_for_text(field, data.get(name))]
        guessed = [name for name, field in writable.items() if _is_guessed_boolean(field, data.get(name))]
        return [
            *((name, "unknown", unknown) for name in sorted(set(data) - set(writable))),
            *((name, "invalid", str(serializers.CharField.default_error_messages["invalid"])) for name in numbers),
            *((name, "invalid", "Send true or false, without quotation marks.") for name in guessed),
        ]


def _is_number_for_text(field: Any, value: Any) -> bool:
    if isinstance(field, serializers.ListField) and isinstance(value, list):
        return any(_is_number_for_text(field.child, each) for each in value)
    return isinstance(field, serializers.CharField) and isinstance(value, int | float)


def _is_guessed_boolean(field: Any, value: Any) -> bool:
    """The framework takes "yes" and 1 for true."""
    if isinstance(field, serializers.DictField) and isinstance(value, dict):
        return any(_is_guessed_boolean(field.child, each) for each in value.values())
    return isinstance(field, serializers.BooleanField) and value is not None and not isinstance(value, bool)
