"""What orientation tells the others: the path of a person towards a permanent médecin traitant (MT)."""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import Field

from shared.events.base import Code, Event, InseeCode

ATTACHMENTS = "orientation.attachments"


class SearchOpened(Event):
    """A patient without MT was seen: somebody will look for one, once the patient has said yes."""

    type: ClassVar = "orientation.SearchOpened.v1"
    topic: ClassVar = ATTACHMENTS
    keyed_by: ClassVar = "patient_id"

    patient_id: UUID
    search_id: UUID
    request_id: UUID = Field(description="the contact that opened it")
    state: Literal["awaiting_consent", "active"]
    commune: InseeCode | None = None
    priority: list[Code] = Field(default_factory=list, description="ald, over_70, c2s, pregnant…")


class SearchActivated(Event):
    """The patient said yes: from here on the search counts."""

    type: ClassVar = "orientation.SearchActivated.v1"
    topic: ClassVar = ATTACHMENTS
    keyed_by: ClassVar = "patient_id"

    patient_id: UUID
    search_id: UUID


class SearchDeclined(Event):
    """The patient said no; asking again is for another contact."""

    type: ClassVar = "orientation.SearchDeclined.v1"
    topic: ClassVar = ATTACHMENTS
    keyed_by: ClassVar = "patient_id"

    patient_id: UUID
    search_id: UUID
