"""A stand-in for Stripe's API and its hosted pages, run as a program of its own. See README.md beside this file."""
