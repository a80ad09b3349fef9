"""The base of what programs may send as JSON."""

from typing import Any, ClassVar, NoReturn

from rest_framework import serializers


class Choice(serializers.ChoiceField):
    """One of a few words; a refusal names them all."""

    default_error_messages: ClassVar[dict[str, Any]] = {"invalid_choice": "There is no such choice. Known: {known}."}

    def fail(self, key: str, **kwargs: Any) -> NoReturn:
        super().fail(key, known=", ".join(map(str, self.choices)), **kwargs)


class Body(serializers.Serializer[Any]):
    """A field that nobody knows is refused: left out quietly, its sender would believe that it was done."""

    def to_internal_value(self, data: Any) -> Any:
        values = super().to_internal_value(data)
        writable = [name for name, field in self.fields.items() if not field.read_only]
        if unknown := sorted(set(data) - set(writable)):
            words = f"There is no such field here. Known: {', '.join(writable)}."
            raise serializers.ValidationError({name: [words] for name in unknown}, code="unknown")
        return values
