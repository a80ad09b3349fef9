"""A stand-in for Notion's REST API and OAuth, run as a program of its own. See README.md beside this file."""
