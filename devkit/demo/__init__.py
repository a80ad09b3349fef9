"""The demo workspace: Northwind Studio's Notion, and the questions retrieval is measured with."""

from devkit.demo.seed import CLIENT_ID, CLIENT_SECRET, TOKEN, WRITTEN_ON, load, questions

__all__ = ["CLIENT_ID", "CLIENT_SECRET", "TOKEN", "WRITTEN_ON", "load", "questions"]
