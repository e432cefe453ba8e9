"""The timeline in French: one sentence a fact, made of closed codes, hours and doctors' names. Never an identity of a patient."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from shared.events import intake, orientation, regulation, scheduling, teleconsult
from shared.events.base import Event
from shared.territory import Territory

_DAYS = ("lun.", "mar.", "mer.", "jeu.", "ven.", "sam.", "dim.")
_MODES = {"visit": "visite", "teleconsultation": "vidéo", "surgery": "cabinet"}
_URGENCIES = {
    "red_flag": "15 tout de suite", "advice": "avis médecin", "same_day": "aujourd’hui", "within_48h": "sous 48 h",
    "planned": "programmable",
}  # fmt: skip
_SCREENINGS = {"clear": "rien d’urgent", "red_flag": "danger, 15 tout de suite", "advice": "avis d’un médecin"}
_CHANNELS = {"voice": "par la voix", "console": "par la console", "hub": "par le hub SAMU"}
_DECISIONS = {
    "taken_by_15": "pris en charge par le 15", "smur_sent": "SMUR envoyé", "advice": "conseil médical",
    "emergency_department": "adressé aux urgences", "booked": "rendez-vous donné par le SAS", "returned": "rendu au secrétariat",
    "advice_only": "conseil", "appointment": "rendez-vous", "fifteen": "appeler le 15",
}  # fmt: skip
_OUTCOMES = {
    "seen": "vu", "seen_again": "vu, à revoir", "seen_ed": "vu, adressé à l’hôpital", "called_15": "15 appelé sur place",
    "door_closed": "personne n’ouvre", "missed": "absent", "needs_exam": "doit être examiné", "phone_only": "fait par téléphone",
    "refused": "refusé ou parti", "impossible": "impossible", "already_taken": "déjà pris en charge", "death": "décès constaté",
    "handed_15": "15, ARM en ligne", "advice_given": "avis du médecin donné", "no_slot_to_sas": "pas de place, remis au SAS",
    "own_doctor": "son médecin le prend", "pharmacy": "pharmacie", "other_care": "autre soin", "changed": "rendez-vous déplacé ou précisé",
    "information": "renseignement", "professional_note": "message d’un professionnel", "refused_by_patient": "proposition refusée",
    "abandoned": "coupé avant tri", "out_of_mission": "hors mission", "abuse_or_error": "erreur ou silence",
}  # fmt: skip
_CANCELS = {
    "request_cancelled": "demande annulée", "taken_by_15": "pris par le 15", "by_patient": "par le patient",
    "by_practitioner": "par le médecin", "requalified": "niveau changé",
}  # fmt: skip
_ASKED = {"screening": "tri", "protocol": "protocole", "unallocated": "pas de place", "missed": "absence", "raised": "niveau relevé"}
_UNALLOCATED = {
    "no_slot_in_time": "aucun créneau à temps",
    "no_mode_in_time": "aucun mode possible à temps",
    "no_practitioner": "aucun médecin",
}
_HELP = {"yes": "oui", "no": "non", "later": "plus tard"}

# Who made the fact: codes that the console has words for.
_MADE_BY = {
    intake.HandOverOverdue.type: "timer", intake.AdviceOverdue.type: "timer", intake.CallReceived.type: "caller",
    intake.CallAbandoned.type: "caller", intake.HandOverAnswered.type: "fifteen", intake.MtHelpAnswered.type: "patient",
    regulation.CaseReceived.type: "platform", regulation.CaseAcknowledged.type: "fifteen", regulation.CaseDecided.type: "fifteen",
    regulation.AdviceGiven.type: "duty_doctor", scheduling.AppointmentBooked.type: "scheduling",
    scheduling.AppointmentCancelled.type: "scheduling", scheduling.RequestUnallocated.type: "scheduling",
    scheduling.ActClosed.type: "practitioner", teleconsult.SessionOpened.type: "platform",
    orientation.SearchOpened.type: "orientation", orientation.SearchActivated.type: "orientation",
    orientation.SearchDeclined.type: "orientation",
}  # fmt: skip


def made_by(event_type: str) -> str:
    """Who did it; what intake records without another author was done at the desk."""
    return _MADE_BY.get(event_type, "desk" if event_type.startswith("intake.") else "platform")


class Words:
    """Sentences of one territory: its hours, its doctors."""

    def __init__(self, territory: Territory, doctors: Mapping[UUID, str]) -> None:
        self._territory = territory
        self._doctors = doctors

    def hour(self, instant: datetime) -> str:
        """`mar. 24 à 14:05`, on the wall of the territory."""
        local = self._territory.local(instant)
        return f"{_DAYS[local.weekday()]} {local.day} à {local:%H:%M}"

    def doctor(self, practitioner_id: UUID | None) -> str:
        return self._doctors.get(practitioner_id, "un médecin") if practitioner_id is not None else "un médecin"

    def commune(self, insee: str | None) -> str:
        commune = self._territory.commune(insee) if insee is not None else None
        return commune.name if commune is not None else "commune non dite"

    def sentence(self, fact: Event | None, event_type: str) -> str:
        """What happened; the bare name of the type for a fact of a later release."""
        if fact is None:
            return f"Fait non connu de cette version : {event_type}"
        return self._of_calls(fact) or self._of_the_desk(fact) or self._of_the_others(fact) or event_type

    def _of_calls(self, fact: Event) -> str | None:
        match fact:
            case intake.CallReceived():
                return "L’appel sonne" if fact.number_known else "L’appel sonne, numéro masqué"
            case intake.CallAnswered():
                return f"Appel décroché après {_duration(fact.waited_seconds)}"
            case intake.CallAbandoned():
                return f"Raccroché avant réponse, après {_duration(fact.waited_seconds)}"
            case intake.CallEnded():
                word = f" : {_OUTCOMES.get(fact.outcome, fact.outcome)}" if fact.outcome else ""
                return f"Fin de l’appel, {_duration(fact.talked_seconds)} de conversation{word}"
            case _:
                return None

    def _of_the_desk(self, fact: Event) -> str | None:
        match fact:
            case intake.RequestReceived():
                return f"Demande reçue, 48 h du contrat jusqu’à {self.hour(fact.contract_deadline)}"
            case intake.RequestScreened():
                return f"Questions vitales posées : {_SCREENINGS[fact.result]} (en {fact.screened_in_seconds} s)"
            case intake.RequestQualified():
                modes = ", ".join(_MODES[mode] for mode in fact.modes)
                lowered = ", niveau abaissé par un médecin" if fact.lowered_by else ""
                return f"Qualifiée {fact.reason} : {_URGENCIES[fact.urgency]}, à voir avant {self.hour(fact.see_by)} ({modes}){lowered}"
            case intake.RequestHandedOver():
                return f"Remise au 15 {_CHANNELS[fact.channel]}"
            case intake.HandOverAnswered():
                return f"Le 15 a répondu {_CHANNELS[fact.channel]}, {_duration(fact.seconds_to_voice)} après la numérotation"
            case intake.HandOverOverdue():
                return (
                    "Le 15 ne répond pas : seconde ligne ou 112" if fact.rung == 1 else "Le 15 ne répond pas : mobile du médecin de garde"
                )
            case intake.AdviceRequested():
                return f"Avis demandé à {self.doctor(fact.duty_doctor_id)} ({_ASKED[fact.cause]}), réponse avant {self.hour(fact.due_at)}"
            case intake.AdviceOverdue():
                return "Dix minutes sans avis : le secrétariat appelle le SAS"
            case intake.CallbackPromised():
                return f"Rappel promis avant {self.hour(fact.due_at)}"
            case intake.AllocationDelegated():
                return "Allouer sans moi : la plate-forme cherche le créneau"
            case intake.RequestCancelled():
                return "Demande annulée"
            case intake.RequestClosed():
                return f"Demande close : {_OUTCOMES.get(fact.outcome, fact.outcome)}"
            case intake.MtHelpAnswered():
                return f"Aide pour trouver un médecin traitant : {_HELP[fact.answer]}"
            case _:
                return None

    def _of_the_others(self, fact: Event) -> str | None:
        match fact:
            case scheduling.AppointmentBooked():
                how = "avec le secrétariat" if fact.path == "assisted" else "automatiquement"
                if fact.window_starts_at is not None and fact.window_ends_at is not None:
                    window = self._territory.local(fact.window_ends_at)
                    when = f"{self.hour(fact.window_starts_at)}-{window:%H:%M}"
                else:
                    when = self.hour(fact.starts_at)
                return f"Rendez-vous réservé {how} : {_MODES[fact.mode]}, {when}, {self.doctor(fact.practitioner_id)}"
            case scheduling.AppointmentCancelled():
                return f"Rendez-vous annulé : {_CANCELS[fact.cause]}"
            case scheduling.RequestUnallocated():
                return f"Rien avant {self.hour(fact.see_by)} : {_UNALLOCATED[fact.cause]}, au médecin de garde"
            case scheduling.ActClosed():
                codes = " + ".join(act.code for act in fact.acts)
                return f"Acte clos par {self.doctor(fact.practitioner_id)} : {_OUTCOMES[fact.outcome]}" + (f" ({codes})" if codes else "")
            case teleconsult.SessionOpened():
                return f"Salle de téléconsultation ouverte pour {self.hour(fact.starts_at)}"
            case regulation.CaseReceived():
                return "Dossier arrivé à l’écran " + ("du 15" if fact.inbox == "fifteen" else "du médecin de garde")
            case regulation.CaseAcknowledged():
                return "Dossier acquitté par " + ("l’ARM" if fact.role == "arm" else "le régulateur")
            case regulation.CaseDecided():
                return f"Décision du régulateur : {_DECISIONS[fact.decision]}"
            case regulation.AdviceGiven():
                level = f", {_URGENCIES[fact.urgency]}" if fact.urgency else ""
                return f"Avis de {self.doctor(fact.practitioner_id)} : {_DECISIONS[fact.decision]}{level}"
            case orientation.SearchOpened():
                waiting = ", accord du patient attendu" if fact.state == "awaiting_consent" else ""
                return f"Recherche d’un médecin traitant ouverte{waiting}"
            case orientation.SearchActivated():
                return "Le patient veut être aidé : la recherche commence"
            case orientation.SearchDeclined():
                return "Le patient ne veut pas de recherche"
            case _:
                return None


def _duration(seconds: int) -> str:
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min {seconds % 60:02d}"
