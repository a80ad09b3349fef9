"""The models' names, for who must not load what makes them answer: the web process and workers of other queues."""

KEYLESS = "docent-keyless"
NAMES = (KEYLESS,)
