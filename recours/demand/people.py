"""Fictitious people. The names are plain or invented, none is a word of the territory, of the team or of our own events (a scan for
personal data must not mistake one for the other)."""

from datetime import date, timedelta
from math import cos, radians
from random import Random
from typing import Literal

from recours.demand.assumptions import AgeRange, AgeSet, Assumptions
from recours.demand.model import Person
from recours.demand.projection import cell_of
from shared.territory import Commune, Territory

BIRTH_NAMES = (
    "Abrivat", "Achouri", "Aguilhon", "Allemandou", "Ancelotti", "Arbogast", "Astruquel", "Aubépin", "Bachelard", "Balandier", "Barthoux",
    "Battistini", "Beauvillard", "Belhadji", "Benamrane", "Bertholin", "Bizouard", "Blanchonnet", "Boissonnat", "Bouabdellah", "Bourdeloup",
    "Brochenin", "Cabestany", "Camarasa", "Carmignol", "Castelnau", "Chabrillac", "Chamoulaud", "Chevassus", "Coulibaly", "Courtemanche",
    "Da Costa", "Dabrowski", "Dauvergne", "De La Rochère", "Delahousse", "Desgranges", "Diakité", "Dieudonné", "Dubosquet", "Dumoutier",
    "El Khattabi", "Escalier-Roux", "Esposito", "Fauconnet", "Ferrandon", "Fofana", "Fromageot", "Gachassin", "Gallineau", "Garcia-Lopez",
    "Gauvrit", "Girodet", "Gourdault", "Grandclément", "Guérinot", "Guilloteau", "Hadjadj", "Hennebelle", "Hervouët", "Houdebine",
    "Jabouille", "Jaffredo", "Jolivet-Brun", "Jourdannet", "Kaczmarek", "Keïta", "Kermorgant", "Labrousse", "Lachenal", "Lamoureux",
    "Larroumet", "Lavergnat", "Le Guellec", "Lebaudier", "Lefrançois", "Lopès", "Mabrouki", "Maillochon", "Malivert", "Marchandeau",
    "Mazaleyrat", "Mendonça", "Mesnilgrente", "Mouchabac", "N'Guyen-Roy", "Navarrot", "Nivelleau", "Noirmoutier", "Oubradous", "Oualid",
    "Palisson", "Paternotte", "Peltrault", "Perdrigeon", "Picquenard", "Pommeret", "Poujoulat", "Quémeneur", "Quintallet", "Rabouille",
    "Ramanantsoa", "Rebeyrolle", "Ribaucourt", "Rochambourg", "Roussignac", "Sabathier", "Saint-Clivier", "Salomonidès", "Sarrazinet",
    "Sidibé", "Soubeyroux", "Taillandin", "Teixeira", "Thévenoux", "Tiphaigneau", "Touraille", "Tranchevent", "Traoré", "Vauclair",
    "Verdonnet", "Vidalenche", "Villemagne", "Wawrzyniak", "Yacoubi", "Zerbib-Morel", "Zouaoui",
)  # fmt: skip
FEMALE = (
    "Adélaïde", "Aïcha", "Albane", "Amandine", "Anaïs", "Annick", "Bérengère", "Bintou", "Brigitte", "Cécile", "Chantal", "Chloé",
    "Coralie", "Djamila", "Edwige", "Élodie", "Émeline", "Fatoumata", "Françoise", "Gaëlle", "Geneviève", "Ghislaine", "Hélène", "Huguette",
    "Jacqueline", "Jeannine", "Joséphine", "Khadija", "Laëtitia", "Léonie", "Lucienne", "Magali", "Manon", "Marie-Ange", "Marie-Thérèse",
    "Mélusine", "Mireille", "Nadège", "Naïma", "Nicole", "Océane", "Paulette", "Priscilla", "Raymonde", "Rokhaya", "Sabrina", "Samira",
    "Simone", "Solange", "Sylvie", "Thi-Mai", "Tiphaine", "Valentine", "Véronique", "Yamina", "Yvonne", "Zoé",
)  # fmt: skip
MALE = (
    "Abdoulaye", "Achille", "Alexandre", "Amadou", "Antonin", "Aristide", "Armand", "Aurélien", "Baptiste", "Bernard", "Boubacar", "Cédric",
    "Christophe", "Corentin", "Damien", "Didier", "Édouard", "Émile", "Fabrice", "Farid", "Ferdinand", "François", "Gérard", "Gilles",
    "Guillaume", "Hamza", "Hervé", "Ibrahima", "Jean-Luc", "Jérôme", "Joaquim", "Joël", "Jules", "Kamel", "Karim", "Kévin", "Laurent",
    "Lucien", "Marcellin", "Mathieu", "Maurice", "Mehdi", "Mickaël", "Moussa", "Nicolas", "Olivier", "Ousmane", "Pascal", "Philippe",
    "Quentin", "Raphaël", "Roland", "Romain", "Sébastien", "Thibault", "Thierry", "Timothée", "Xavier", "Yannick", "Youssef",
)  # fmt: skip
STREETS = (
    "rue des Glycines", "rue du Vieux-Lavoir", "allée des Chardonnerets", "avenue des Tilleuls-Argentés", "rue de la Source-Bleue",
    "impasse des Horticulteurs", "rue des Deux-Moulins", "sentier des Pépinières", "place du Grand-Cèdre", "rue du Colombier",
    "allée des Roitelets", "rue des Maraîchers-Réunis", "villa des Iris", "rue du Clos-Fleuri", "square des Aubépines",
)  # fmt: skip
ACCESS = (
    "code 14B7, 3e étage gauche", "sonnette au nom, rez-de-chaussée", "interphone 12, 5e avec ascenseur", "portail vert, maison au fond",
    "code 27A9, 1er étage droite", "bâtiment C, 2e sans ascenseur", "gardien en bas, 7e", "",
)  # fmt: skip
MT_NAMES = ("Dr Lamproie", "Dr Bouvreuil-Test", "Dr Salicaire", "Dr Épervière")  # invented, as the whole demonstration

_FULL_MOBILE = 10_000


def draw_age(rng: Random, assumptions: Assumptions, ages: AgeSet) -> tuple[int, int]:
    """Years, and months for the first year of life."""
    if ages == "infants":
        under_3 = rng.random() < assumptions.infants_months.under_3
        return 0, rng.randint(0, 2) if under_3 else rng.randint(3, 11)
    chosen: AgeRange = rng.choices(assumptions.ages[ages], weights=[r.weight for r in assumptions.ages[ages]])[0]
    years = rng.randint(chosen.from_, chosen.to)
    return years, years * 12 + rng.randint(0, 11)


def birth_date(rng: Random, on: date, years: int, months: int) -> date:
    """A date that gives this age on `on`: exact in years, and in months under one year."""
    if years == 0:
        month_index = on.year * 12 + on.month - 1 - months
        start = date(month_index // 12, month_index % 12 + 1, 1)
        latest = min(on, _same_day(start, on.day))
        earliest = _same_day(_months_before(start, 1), on.day) + timedelta(days=1)
        return earliest + timedelta(days=rng.randint(0, max(0, (latest - earliest).days)))
    youngest = _same_day(date(on.year - years, on.month, 1), on.day)
    eldest = _same_day(date(on.year - years - 1, on.month, 1), on.day) + timedelta(days=1)
    return eldest + timedelta(days=rng.randint(0, (youngest - eldest).days))


def draw_person(
    rng: Random, number: int, on: date, territory: Territory, assumptions: Assumptions, *, ages: AgeSet, family: Person | None
) -> Person:
    """Somebody of that age set; a member of `family` shares its phone, address and often its name (operations.md H14)."""
    people = assumptions.people
    years, months = draw_age(rng, assumptions, ages)
    sex: Literal["M", "F"] = "F" if rng.random() < assumptions.sexes[ages] else "M"
    birth_name = rng.choice(BIRTH_NAMES)
    used_name = rng.choice(BIRTH_NAMES) if sex == "F" and years >= 25 and rng.random() < 0.35 else None
    first_name = rng.choice(FEMALE if sex == "F" else MALE)
    commune: Commune = rng.choices(territory.communes, weights=[c.population for c in territory.communes])[0]
    lat = round(commune.lat + rng.gauss(0, 500) / 111_320, 5)
    lon = round(commune.lon + rng.gauss(0, 500) / (111_320 * cos(radians(commune.lat))), 5)
    address = f"{rng.randint(1, 148)} {rng.choice(STREETS)}, {commune.postcode} {commune.name}"
    access = rng.choice(ACCESS)
    mobile = f"063998{(number * 37 + rng.randint(0, 36)) % _FULL_MOBILE:04d}"
    landline = f"019900{(number * 37 + rng.randint(0, 36)) % 9_000:04d}"  # stays below the platform's own number, 01 99 00 94 00
    phone: str | None = landline if years >= 70 and rng.random() < 0.6 else mobile
    if rng.random() < people.no_phone:
        phone = None
    insee = commune.insee
    if family is not None:
        phone, address, access, insee = family.phone, family.address, family.access, family.commune
        lon, lat = family.lon, family.lat
        birth_name = family.birth_name if rng.random() < 0.7 else birth_name
    draw = rng.random()
    mt: Literal["none", "has", "absent"] = (
        "none" if draw < people.without_mt else "absent" if draw < people.without_mt + people.mt_absent else "has"
    )
    elderly = years >= 65
    ald = rng.random() < (people.ald.from_65 if elderly else people.ald.under_65)
    flags = _flags(rng, assumptions, years, ages)
    voice_only = rng.random() < people.voice_only
    return Person(
        number,
        birth_name,
        used_name,
        first_name,
        birth_date(rng, on, years, months),
        years,
        months,
        sex,
        phone,
        address,
        access,
        insee,
        lon,
        lat,
        cell_of(lon, lat),
        mt,
        None if mt == "none" else rng.choice(MT_NAMES),
        ald,
        flags,
        "voice_only" if voice_only or phone is None else "sms_ok",
    )


def _flags(rng: Random, assumptions: Assumptions, years: int, ages: AgeSet) -> tuple[str, ...]:
    people = assumptions.people
    drawn = {
        "reduced_mobility": people.reduced_mobility.at(years),
        "isolated": people.living_alone.at(years) if years >= 18 else 0.0,
        "interpreter": people.interpreter,
        "anticoagulant": people.anticoagulant_from_65 if years >= 65 else 0.0,
        "immunosuppressed": people.immunosuppressed,
        "pregnant": people.pregnant_at_Q13 if ages == "pregnant" else 0.0,
        "c2s": people.c2s,
    }
    return tuple(flag for flag, chance in drawn.items() if rng.random() < chance)


def _same_day(month: date, day: int) -> date:
    """That day of the month, or its last."""
    following = date(month.year + month.month // 12, month.month % 12 + 1, 1)
    return min(month + timedelta(days=day - 1), following - timedelta(days=1))


def _months_before(month: date, count: int) -> date:
    index = month.year * 12 + month.month - 1 - count
    return date(index // 12, index % 12 + 1, 1)
