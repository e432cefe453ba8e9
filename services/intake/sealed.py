"""What is never stored in clear: identities, numbers and words, as they are sealed into one column."""

import json
from dataclasses import asdict, dataclass, fields
from datetime import date
from typing import Any, Self
from uuid import UUID

from shared.crypto import DataKey
from shared.events.base import Sex


@dataclass(frozen=True)
class Identity:
    """What the secretariat knows of a person: at best *récupérée*, said on the telephone (reference/national-rules.md 1)."""

    birth_name: str
    first_name: str
    birth_date: date
    sex: Sex
    used_name: str | None = None
    phone: str | None = None
    address: str | None = None
    access: str | None = None
    mt_name: str | None = None

    @property
    def display_name(self) -> str:
        """As colleagues read it: first name, then the name in use."""
        return f"{self.first_name} {self.used_name or self.birth_name}"

    def seal(self, key: DataKey, patient_id: UUID) -> bytes:
        return key.encrypt(json.dumps(asdict(self), default=str, ensure_ascii=False), context=f"patient:{patient_id}:identity")

    @classmethod
    def unseal(cls, key: DataKey, patient_id: UUID, sealed: bytes) -> Self:
        known = _known(cls, json.loads(key.decrypt(sealed, context=f"patient:{patient_id}:identity")))
        return cls(**{**known, "birth_date": date.fromisoformat(known["birth_date"])})


@dataclass(frozen=True)
class Words:
    """The free text of one request: where, how to reach, what was said by the caller and by the doctor."""

    place: str | None = None
    access: str | None = None
    callback_number: str | None = None
    words: str | None = None
    since: str | None = None
    who_opens: str | None = None
    arm_label: str | None = None
    file_no: str | None = None
    doctor_words: str | None = None
    decided_by_label: str | None = None

    def seal(self, key: DataKey, request_id: UUID) -> bytes:
        return key.encrypt(json.dumps(asdict(self), ensure_ascii=False), context=f"request:{request_id}:words")

    @classmethod
    def unseal(cls, key: DataKey, request_id: UUID, sealed: bytes) -> Self:
        return cls(**_known(cls, json.loads(key.decrypt(sealed, context=f"request:{request_id}:words"))))


def _known(cls: type[Any], stored: dict[str, Any]) -> dict[str, Any]:
    """Fields of this release only: a row sealed by a later one still opens."""
    names = {field.name for field in fields(cls)}
    return {name: value for name, value in stored.items() if name in names}


def seal_phone(key: DataKey, call_id: UUID, phone: str) -> bytes:
    return key.encrypt(phone, context=f"call:{call_id}:phone")


def unseal_phone(key: DataKey, call_id: UUID, sealed: bytes) -> str:
    return key.decrypt(sealed, context=f"call:{call_id}:phone")
