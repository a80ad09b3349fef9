"""How a view is described that says nothing of it itself: its nested `Input` is the body, its answer an object."""

import re
from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes


class Schema(AutoSchema):
    def get_operation_id(self) -> str:
        """`patch_one_task`: the method and the view, which together are unique."""
        words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(self.view).__name__).lower()
        return f"{self.method.lower()}_{words}"

    def get_override_parameters(self) -> Any:
        taken = {"GET": "filters", "POST": "post_headers"}.get(self.method, "")
        return [*getattr(self.view, taken, ()), *getattr(self.view, "answer_headers", ())]

    def _get_request_body(self, direction: Any = "request") -> Any:
        """The package knows no body of a DELETE; the one that ends a workspace carries its name."""
        if self.method != "DELETE" or self.get_request_serializer() is None:
            return super()._get_request_body(direction)  # type: ignore[no-untyped-call]  # of the package
        self.method = "POST"
        try:
            return super()._get_request_body(direction)  # type: ignore[no-untyped-call]  # of the package
        finally:
            self.method = "DELETE"

    def get_request_serializer(self) -> Any:
        return getattr(self.view, "Input", None) if self.method in {"POST", "PUT", "PATCH"} else None

    def get_response_serializers(self) -> Any:
        return getattr(self.view, "Output", OpenApiTypes.OBJECT)

    def get_serializer_name(self, serializer: Any, direction: Any) -> str:
        """Many views have a class `Input`; the description names it with its view."""
        kind = serializer if isinstance(serializer, type) else type(serializer)
        return kind.__qualname__.replace(".", "")
