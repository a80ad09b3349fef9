from django.contrib.auth.hashers import Argon2PasswordHasher


class Argon2id(Argon2PasswordHasher):
    """Argon2id as OWASP recommends it; Django's own figures would take most of the time a sign-up may cost."""

    time_cost = 2
    memory_cost = 19 * 1024  # KiB
    parallelism = 1
