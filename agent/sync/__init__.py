"""Reading a connected Notion workspace into the index."""
