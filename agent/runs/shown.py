"""A run as programs see it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from agent.models import Run, Step


def as_json(run: Run, steps: Iterable[Step], proposals: Iterable[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """`proposals`: those that the reader may see, as they see them."""
    return {
        "id": str(run.id),
        "status": run.status,
        "conversation_id": str(run.conversation_id),
        "prompt": run.prompt,
        "answer": run.answer,
        "grounded": run.grounded,
        "model": run.model,
        "citations": [citation_json(each) for each in run.citations],
        "checked": all_checked(run.citations),
        "coverage": run.coverage,
        "proposals": list(proposals),
        "usage": usage(run),
        "steps": [step_json(step) for step in steps],
        "error": run.error or None,
        "rating": run.rating or None,
        "created_at": moment(run.created_at),
        "finished_at": moment(run.finished_at),
    }


def citation_json(citation: Mapping[str, Any]) -> dict[str, Any]:
    """Which connection it came from is for us alone."""
    return {"checked": None} | {key: value for key, value in citation.items() if key != "connection_id"}


def all_checked(citations: Sequence[Mapping[str, Any]]) -> bool | None:
    """Whether Notion was asked about every cited page; nothing without citations, and of answers from before."""
    said = [citation.get("checked") for citation in citations]
    return None if not said or None in said else all(said)


def usage(run: Run) -> dict[str, int]:
    return {
        "input_tokens": run.input_tokens,
        "output_tokens": run.output_tokens,
        "total_tokens": run.input_tokens + run.output_tokens,
    }


def step_json(step: Step) -> dict[str, Any]:
    return {"kind": step.kind, "name": step.name, "summary": step.summary, "milliseconds": step.milliseconds}


def moment(at: datetime | None) -> str | None:
    return at.isoformat().replace("+00:00", "Z") if at else None


def events(run: Run, steps: Iterable[Step]) -> list[tuple[str, Any]]:
    """What a listener would have heard of a run that is over."""
    steps = list(steps)
    heard: list[tuple[str, Any]] = [
        ("step", {"ordinal": number, **step_json(step)}) for number, step in enumerate(steps)
    ]
    if run.status == Run.Status.FAILED:
        return [*heard, ("error", as_json(run, steps))]
    if run.answer:
        heard.append(("delta", {"text": run.answer, "offset": 0}))
    heard += [("citation", citation_json(citation)) for citation in run.citations]
    # Who hears this may not be who may see it, so it says no more.
    proposed = run.proposals.filter(replaces=None).values_list("pk", flat=True)
    heard += [("proposal", {"id": str(key)}) for key in proposed]
    return [*heard, ("done", as_json(run, steps))]


def anchor(run: Run) -> str:
    """Names the parts of a run's turn on a page; also in the pieces that are streamed into it."""
    return f"r{run.id.hex[:12]}"
