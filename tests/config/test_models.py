"""The models that an installation offers are named whole, or it does not start and says what is missing."""

import json
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from config import checks, providers
from config.providers import Provider, read

GPT = {"kind": "openai", "key": "sk-secret", "model": "gpt-5-mini"}


def test_a_model_is_its_kind_key_and_name_and_the_rest_has_defaults() -> None:
    [gpt] = read(json.dumps({"gpt": GPT})).values()

    assert (gpt.url, gpt.context_tokens, gpt.output_tokens) == ("https://api.openai.com/v1", 32_000, 1_500)
    assert (gpt.key, "sk-secret" in repr(gpt)) == ("sk-secret", False)


def test_one_that_is_near_needs_no_key() -> None:
    near = read(json.dumps({"near": {"kind": "openai", "url": "http://127.0.0.1:11434/v1/", "model": "qwen3"}}))

    assert (near["near"].url, near["near"].key) == ("http://127.0.0.1:11434/v1", "")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("{", "MODELS must be JSON"),
        ("[]", "MODELS must be an object"),
        ('{"gpt": 1}', "MODELS must be an object"),
        (json.dumps({"g p": GPT}), "a name has letters"),
        (json.dumps({"gpt": GPT | {"kind": "mistral"}}), "kind is openai"),
        (json.dumps({"gpt": GPT | {"model": ""}}), "model is not set"),
        (json.dumps({"gpt": GPT | {"key": ""}}), "key is not set"),
        (json.dumps({"gpt": GPT | {"url": "api.openai.com"}}), "url looks like"),
        (json.dumps({"gpt": GPT | {"url": "https://u:p@llm.example.com"}}), "url looks like"),
        (json.dumps({"gpt": GPT | {"context": "many"}}), "context is a number"),
        (json.dumps({"gpt": GPT | {"output": 0}}), "output is a number"),
        (json.dumps({"gpt": GPT | {"apikey": "sk-secret"}}), "has 'apikey'"),
    ],
)
def test_half_a_model_is_refused_with_what_is_missing_and_without_its_key(said: str, words: str) -> None:
    with pytest.raises(ImproperlyConfigured) as refused:
        read(said)

    assert words in str(refused.value)
    assert "sk-secret" not in str(refused.value)


def test_addresses_are_base_urls() -> None:
    assert providers.addresses("A", "https://a.example/v1/, http://b:1") == ("https://a.example/v1", "http://b:1")
    with pytest.raises(ImproperlyConfigured, match="A has base URLs"):
        providers.addresses("A", "a.example")


@pytest.mark.parametrize(
    ("half", "named"),
    [
        ({"MODEL": "claude"}, "MODEL is 'claude'"),
        ({"MODEL_FALLBACK": ["claude"]}, "MODEL_FALLBACK is 'claude'"),
        ({"MODELS": {}, "MODEL_FALLBACK": ["docent-keyless"]}, "MODEL_FALLBACK is set and MODELS is not"),
        ({"MODELS": {"docent-keyless": Provider("docent-keyless", "openai", "https://a", "m")}}, "is our own"),
    ],
)
def test_a_choice_of_what_is_not_there_is_refused(half: dict[str, Any], named: str) -> None:
    whole = {"MODELS": {"gpt": Provider("gpt", "openai", "https://a", "m")}, "MODEL": "", "MODEL_FALLBACK": []}
    with override_settings(**whole):
        assert list(checks._models()) == []
    with override_settings(**whole | half):
        assert any(named in problem for problem in checks._models())
