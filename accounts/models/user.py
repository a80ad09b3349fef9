import uuid
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models, transaction
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.crypto import salted_hmac

# The framework's own, so that sessions from before `sessions_ended` stay good.
SESSION_SALT = "django.contrib.auth.models.AbstractBaseUser.get_session_auth_hash"


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save()
        return user

    def create_superuser(self, email: str, password: str, **fields: Any) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractBaseUser, PermissionsMixin):
    class Theme(models.TextChoices):
        SYSTEM = "system"
        LIGHT = "light"
        DARK = "dark"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField(max_length=254, unique=True)
    name = models.CharField(max_length=120, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now)
    # Deleted by its person, who may take that back until then by signing in.
    erases_at = models.DateTimeField(null=True, blank=True)
    # Raised to end every access and refresh token at once.
    token_version = models.PositiveIntegerField(default=1)
    # Raised to end every session of a browser at once.
    sessions_ended = models.PositiveIntegerField(default=0)
    timezone = models.CharField(max_length=64, default="UTC")
    language = models.CharField(max_length=12, default="en")
    theme = models.CharField(max_length=8, choices=Theme.choices, default=Theme.SYSTEM)
    model = models.CharField(max_length=80, blank=True)
    email_notifications = models.JSONField(default=dict)
    default_sharing = models.CharField(
        max_length=9, choices=[("private", "private"), ("workspace", "workspace")], default="private"
    )

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects: ClassVar[UserManager] = UserManager()
    # The framework's own, which its type stubs leave out.
    _password: str | None

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=models.Q(email=Lower("email")), name="user_email_is_lower_case")
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["erases_at"], condition=models.Q(erases_at__isnull=False), name="user_to_erase")
        ]

    def __str__(self) -> str:
        return self.name or self.email

    @property
    def is_present(self) -> bool:
        """Can sign in and decide; `PRESENT` asks the same of members."""
        return self.is_active and self.erases_at is None

    def save(self, *args: Any, **kwargs: Any) -> None:
        # Set until a new password is stored; a better hash of the same one is not announced here.
        has_new_password = self._password is not None and not self._state.adding
        with transaction.atomic():
            super().save(*args, **kwargs)
            if has_new_password:
                self.end_all_tokens()
                _note_new_password(self)

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        known = f"{self.password} {self.sessions_ended}" if self.sessions_ended else self.password
        return str(salted_hmac(SESSION_SALT, known, secret=secret, algorithm="sha256").hexdigest())

    def end_sessions(self) -> None:
        """Who signs in again gets others; a session that is to go on takes `update_session_auth_hash`."""
        User.objects.filter(pk=self.pk).update(sessions_ended=models.F("sessions_ended") + 1)
        self.refresh_from_db(fields=["sessions_ended"])

    def end_all_tokens(self) -> None:
        User.objects.filter(pk=self.pk).update(token_version=models.F("token_version") + 1)
        # A later save of this object must not bring the old number back.
        self.refresh_from_db(fields=["token_version"])


def _note_new_password(user: User) -> None:
    # Which reads these models.
    from accounts import audit

    audit.record_new_password(user)
