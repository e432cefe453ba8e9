"""The French of the report: one label per figure, one name per code. Words of docs/glossary.md."""

MODES = {"visit": "visite", "teleconsultation": "vidéo", "surgery": "cabinet"}

OUTCOMES = {
    "seen": "vu",
    "seen_again": "vu, à revoir",
    "seen_ed": "vu, adressé à l'hôpital",
    "called_15": "15 appelé sur place",
    "door_closed": "personne n'ouvre",
    "missed": "absent",
    "needs_exam": "vidéo : doit être examiné",
    "phone_only": "fait par téléphone",
    "refused": "refusé ou parti",
    "impossible": "impossible",
    "already_taken": "déjà pris en charge",
    "death": "décès constaté",
    "handed_15": "confié au 15 (voix)",
    "advice_given": "avis du médecin",
    "booked": "rendez-vous à venir",
    "cancelled": "annulé",
    "refused_by_patient": "refusé par le patient",
    "abandoned": "coupé avant tri",
    "open": "en cours, avec responsable et heure",
}

DELAYS = {
    "pick_up": "Décroché",
    "step_0": "Étape 0 (trois questions vitales)",
    "voice_of_the_15": "15 : numérotation → voix",
    "advice": "Avis du médecin de garde",
    "ring_to_booked": "Sonnerie → rendez-vous donné",
    "ring_to_seen": "Sonnerie → vu par un médecin",
}

MT_HELP = {"yes": "oui", "later": "plus tard", "no": "non"}


def duration(seconds: float | None) -> str:
    """`45 s`, `6 min 30`, `3 h 12`: as one says it."""
    if seconds is None:
        return "–"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        minutes, rest = divmod(whole, 60)
        return f"{minutes} min" if rest == 0 else f"{minutes} min {rest:02d}"
    hours, rest = divmod(whole // 60, 60)
    return f"{hours} h {rest:02d}"


def share(part: float, whole: float) -> str:
    """`83 %`, or a dash when there is nothing to share."""
    return f"{100 * part / whole:.0f}\u00a0%" if whole else "–"


def euros(amount: str) -> str:
    """`1 234,50 €`, from an exact decimal."""
    whole, _, cents = amount.partition(".")
    grouped = f"{int(whole):,}".replace(",", " ")
    return f"{grouped},{cents.ljust(2, '0')[:2]} €"
