"""What was erased, told to whoever has the link from the last mail."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.edge import PublicAPI
from accounts.models import ErasureCertificate
from agent import certifying


class StoreFields(serializers.Serializer[Any]):
    store = serializers.CharField()
    name = serializers.CharField()
    before = serializers.IntegerField()
    after = serializers.IntegerField(help_text="Always 0: without that no certificate is given.")


class CertificateFields(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=ErasureCertificate.Kind.choices)
    subject_id = serializers.UUIDField(help_text="The workspace or the account that was erased.")
    begun_at = serializers.DateTimeField()
    given_at = serializers.DateTimeField()
    stores = StoreFields(many=True)


class Certificate(PublicAPI):
    @extend_schema(responses=CertificateFields)
    def get(self, request: Request, token: str) -> Response:
        """The certificate of an erasure, by the signed link that stands in its last mail."""
        return Response(certifying.as_json(certifying.find(token)))
