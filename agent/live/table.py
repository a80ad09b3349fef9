"""What each kind of Notion's events asks for."""

from enum import Enum, auto


class Meaning(Enum):
    # Read the page it is about.
    PAGE = auto()
    # Read the pages it names; without any, look through the connection.
    NAMED_PAGES = auto()
    # Look through the connection: unchanged pages cost nothing.
    SYNC = auto()
    # The same, after its rows: they do not say that their database is gone or came back.
    ROWS = auto()
    NOTHING = auto()


MEANINGS = {
    "page.created": Meaning.PAGE,
    "page.content_updated": Meaning.PAGE,
    "page.properties_updated": Meaning.PAGE,
    "page.moved": Meaning.PAGE,
    "page.deleted": Meaning.PAGE,
    "page.undeleted": Meaning.PAGE,
    "page.locked": Meaning.NOTHING,
    "page.unlocked": Meaning.NOTHING,
    "page.transcription_block.transcript_deleted": Meaning.PAGE,
    "data_source.content_updated": Meaning.NAMED_PAGES,
    "data_source.schema_updated": Meaning.SYNC,
    "data_source.created": Meaning.SYNC,
    "data_source.moved": Meaning.SYNC,
    "data_source.deleted": Meaning.ROWS,
    "data_source.undeleted": Meaning.ROWS,
    "database.content_updated": Meaning.NAMED_PAGES,
    "database.schema_updated": Meaning.SYNC,
    "database.created": Meaning.SYNC,
    "database.moved": Meaning.SYNC,
    "database.deleted": Meaning.ROWS,
    "database.undeleted": Meaning.ROWS,
    # Comments are not read, and neither are files and views.
    "comment.created": Meaning.NOTHING,
    "comment.updated": Meaning.NOTHING,
    "comment.deleted": Meaning.NOTHING,
    "file_upload.created": Meaning.NOTHING,
    "file_upload.completed": Meaning.NOTHING,
    "file_upload.expired": Meaning.NOTHING,
    "file_upload.upload_failed": Meaning.NOTHING,
    "view.created": Meaning.NOTHING,
    "view.updated": Meaning.NOTHING,
    "view.deleted": Meaning.NOTHING,
}


def meaning_of(kind: str) -> Meaning:
    """What is not known yet is kept and counted by its type, and asks for nothing."""
    return MEANINGS.get(kind, Meaning.NOTHING)
