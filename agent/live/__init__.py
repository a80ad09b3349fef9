"""Changes in Notion, minutes after they are made: told by webhooks, read page by page."""
