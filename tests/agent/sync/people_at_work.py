"""People who edit a Notion workspace at random, and a Notion that is in trouble at random."""

import random
from contextlib import suppress
from typing import Any

from devkit.notion.process import EmulatorProcess
from tests.outside import NotionWorkspace, seeded

WORDS = ("harbour", "invoice", "lantern", "meadow", "printer", "quarry", "ribbon", "silo", "tunnel", "violet")
WAYS = (
    *("append", "append", "set_text", "set_title", "set_title", "set_property", "relate", "add_page", "add_row"),
    *("add_database", "move", "move", "trash", "restore", "delete", "share", "unshare", "rename_property"),
    *("rename_option", "rename_table", "trash_table"),
)
OVERLOADED = {
    "status": 529,
    "code": "service_overload",
    "message": "Notion is overloaded.",
    "additional_data": {"retry_after": 1},
}
LONG_AGO = "2026-03-01T08:00:00Z"


def workspace(emulator: EmulatorProcess, size: int, *, moves_are_edits: bool = True) -> NotionWorkspace:
    """Half of the pages stand in trees, half are rows that relate to each other and show each other's values."""
    trees = [
        {
            "key": f"tree{n}",
            "title": f"Tree {n}",
            "edited": LONG_AGO,
            "blocks": [
                {"p": f"The {WORDS[n % 10]}."},
                {"p": ["See ", {"mention_page": "tree0"}]},
                {"link_to_page": f"leaf{n}-0"},
                {"columns": [[{"child_page": {"key": f"deep{n}", "title": f"Deep {n}"}}], [{"p": "Beside it."}]]},
            ],
            "pages": [
                {"key": f"leaf{n}-{m}", "title": f"Leaf {n}.{m}", "edited": LONG_AGO, "blocks": [{"p": WORDS[m]}]}
                for m in range(3)
            ],
        }
        for n in range(size // 8)
    ]
    columns = {
        "Name": "title",
        "State": {"status": {"To-do": ["Open"], "In progress": ["Doing"], "Complete": ["Closed"]}},
        "Near": {"relation": "table"},
        "Waits for": {"relation": {"to": "table", "synced": "Holds up"}},
        "Their names": {"rollup": {"relation": "Near", "property": "Name", "function": "show_original"}},
    }
    table = {
        "key": "list",
        "title": "List",
        "parent": "top",
        "edited": LONG_AGO,
        "sources": [{"key": "table", "properties": columns, "rows": [{"Name": "Row", "State": "Open"}]}],
        "generate": {"source": "table", "rows": size // 2, "template": {"Name": "Row {i}"}},
    }
    links = [{"link_to_page": {"database": "list"}}, {"p": ["All in ", {"mention_database": "list"}]}]
    top = {"key": "top", "title": "Top", "edited": LONG_AGO, "blocks": links, "pages": trees}
    space = {"pages": [top], "databases": [table], "moves_are_edits": moves_are_edits}
    return seeded(emulator, space, ["top"])


class People:
    def __init__(self, notion: NotionWorkspace, dice: random.Random) -> None:
        self.notion, self.dice = notion, dice
        self.pages = [key for name, key in sorted(notion.ids["pages"].items()) if name != "top"]
        # What others are moved into stays where it is, so that nothing comes to lie in itself.
        self.places = [notion.page(name) for name in sorted(notion.ids["pages"]) if name.startswith(("tree", "top"))]
        self.rows: list[str] = []
        self.blocks: list[str] = []
        self.tables: list[str] = []
        self.column = "State"
        self.states = ["Open", "Doing", "Closed"]
        self.done: list[str] = []
        for n in range(3):
            self.add_row(f"First {n}")

    def work(self, times: int) -> None:
        for _ in range(times):
            way = self.dice.choice(WAYS)
            self.done.append(way)
            # Somebody else may have deleted what this is about.
            with suppress(ValueError):
                getattr(self, way)()

    def any(self) -> str:
        return self.dice.choice([*self.pages, *self.rows])

    def words(self) -> str:
        return " ".join(self.dice.choices(WORDS, k=5))

    def append(self) -> None:
        kinds = [{"p": self.words()}, {"p": [{"mention_page": self.any()}]}, {"link_to_page": self.any()}]
        block = self.dice.choice(kinds)
        made = self.notion.edit(op="append", parent=self.any(), blocks=[block])
        self.blocks += made["ids"] if isinstance(block.get("p"), str) else []

    def set_text(self) -> None:
        if self.blocks:
            self.notion.edit(op="set_text", id=self.dice.choice(self.blocks), text=self.words())

    def set_title(self) -> None:
        self.notion.edit(op="set_title", id=self.any(), title=self.words())

    def set_property(self) -> None:
        row = self.dice.choice(self.rows)
        self.notion.edit(op="set_property", id=row, name=self.column, value=self.dice.choice(self.states))

    def relate(self) -> None:
        row, name = self.dice.choice(self.rows), self.dice.choice(["Near", "Near", "Waits for"])
        self.notion.edit(op="set_property", id=row, name=name, value=self.dice.sample(self.rows, k=2))

    def add_page(self) -> None:
        page = {"title": self.words(), "blocks": [{"p": self.words()}, {"p": [{"mention_page": self.any()}]}]}
        self.pages.append(self.notion.edit(op="add_page", parent=self.dice.choice(self.pages), page=page)["id"])

    def add_row(self, name: str = "") -> None:
        row = {"Name": name or self.words(), self.column: self.states[0], "blocks": [{"p": self.words()}]}
        self.rows.append(self.notion.edit(op="add_row", source=self.notion.source("table"), row=row)["id"])

    def add_database(self) -> None:
        rows = [{"Word": self.words()} for _ in range(2)]
        database = {"title": self.words(), "sources": [{"properties": {"Word": "title"}, "rows": rows}]}
        made = self.notion.edit(op="add_database", parent=self.dice.choice(self.places), database=database)
        self.tables.append(made["id"])

    def move(self) -> None:
        movable = [key for key in self.pages if key not in self.places]
        self.notion.edit(op="move", id=self.dice.choice(movable), to=self.dice.choice(self.places))

    def trash(self) -> None:
        self.notion.edit(op="trash", id=self.any())

    def restore(self) -> None:
        for page in [*self.pages, *self.rows, *self.tables]:
            if self.dice.random() < 0.3:
                with suppress(ValueError):
                    self.notion.edit(op="restore", id=page)

    def delete(self) -> None:
        self.notion.edit(op="delete", id=self.any())

    def share(self) -> None:
        self.notion.edit(op="share", id=self.any(), token=self.notion.token)

    def unshare(self) -> None:
        self.notion.edit(op="unshare", id=self.any(), token=self.notion.token)

    def rename_property(self) -> None:
        to = self.dice.choice(["State", "Stage", "Phase"])
        if to != self.column:
            self.notion.edit(op="rename_property", source=self.notion.source("table"), name=self.column, to=to)
            self.column = to

    def rename_option(self) -> None:
        option, to = self.dice.choice(self.states), self.words()
        source = self.notion.source("table")
        self.notion.edit(op="rename_option", source=source, name=self.column, option=option, to=to)
        self.states[self.states.index(option)] = to

    def rename_table(self) -> None:
        table = self.dice.choice([self.notion.source("table"), self.notion.ids["databases"]["list"], *self.tables])
        self.notion.edit(op="set_title", id=table, title=self.words())

    def trash_table(self) -> None:
        if self.tables:
            self.notion.edit(op="trash", id=self.dice.choice(self.tables))


def trouble(notion: NotionWorkspace, pages: list[str], dice: random.Random) -> list[str]:
    """Three kinds of faults at once, each hitting a tenth of the requests that it is about."""
    hidden = dice.sample(pages, k=5)
    kinds: list[tuple[Any, str]] = [
        *((kind, "") for kind in ("500", "502", "503", "reset", "empty_body", "204", "truncate", "cut_json")),
        *((kind, "") for kind in ("results_null", "unknown_fields", "409", "403")),
        ({"429": {"retry_after": 1}}, ""),
        ({"error": OVERLOADED}, ""),
        ({"504": {"above_page_size": 50}}, ""),
        ({"slow": {"ms": 20}}, ""),
        ("repeat_cursor", ""),
        ("stale_cursor", ""),
        ("limit_results", ""),
        ("empty_page_has_more", "children"),
        ({"search_omit": {"ids": hidden}}, "search"),
        ({"strip_partial": {"ids": hidden}}, "search"),
        ({"error": {"status": 404, "code": "object_not_found", "message": "Could not find it."}}, "children"),
    ]
    chosen = dice.sample(kinds, k=3)
    for do, about in chosen:
        often = 1.0 if "search" in about else 0.1
        times = 2 if "retry_after" in str(do) else 40
        path = about or "^/v1/(?!users)"
        notion.fault(do, path_regex=path, probability=often, seed=dice.randrange(10**6), times=times)
    return [str(do) for do, _ in chosen]


def calm(notion: NotionWorkspace) -> None:
    notion.emulator.control(f"faults?token={notion.token}", method="DELETE")
