"""The report on a terminal (rich)."""

from typing import Any

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from recours.day.report import Report
from recours.day.words import DELAYS, MODES, MT_HELP, OUTCOMES, duration, euros, share

_DAYS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")


def print_report(report: Report, console: Console) -> None:
    """Five small tables, the noughts last: they are what one looks for."""
    figures: dict[str, Any] = dict(report.figures)
    title = f"{report.plan.territory.name} · {_DAYS[report.on.weekday()]} {report.on:%d/%m/%Y} · graine {figures['seed']}"
    console.print(Panel(Text(title, justify="center", style="bold"), expand=False))
    console.print(_main(figures))
    console.print(_delays(figures))
    console.print(_load(figures))
    console.print(_acts(figures))
    console.print(_invariants(figures))


def _main(figures: dict[str, Any]) -> Table:
    table = Table("", "nombre", "", title="La journée", title_justify="left")
    table.columns[1].justify = "right"

    def line(name: str, value: object, note: str = "") -> None:
        table.add_row(name, str(value), note)

    calls, requests, clinical = figures["calls"], figures["requests"], figures["clinical_requests"]
    line("Appels", calls, f"décrochés en moins d'une minute : {share(figures['answered_within_60s'], calls)}")
    line("  coupés avant réponse", figures["calls_abandoned"])
    line("Demandes", requests)
    line("  drapeaux rouges", figures["red_flags"], share(figures["red_flags"], requests))
    line(
        "  confiées au 15",
        figures["handed_over"],
        f"voix obtenue : {figures['acknowledged']}, au-delà de 60 s : {figures['hand_over_overdue']}",
    )
    line(
        "  avis de médecin demandés",
        figures["advice"],
        f"donnés : {figures['advice_given']}, au-delà de 10 min : {figures['advice_overdue']}",
    )
    modes = ", ".join(f"{MODES[mode]} {count}" for mode, count in figures["by_mode"].items())
    line("  rendez-vous", figures["booked"], f"{modes} · sans secrétaire : {figures['booked_automatic']}")
    line("  sans place avant la limite", figures["unallocated"])
    line(
        "Répondues dans les 48 h",
        figures["answered_48h"],
        f"{share(figures['answered_48h'], clinical)} des demandes de soins, en fin de journée",
    )
    line("  en heures ouvrées", figures["answered_48h_open_hours"], share(figures["answered_48h_open_hours"], clinical))
    line("  rendez-vous pris, encore à venir dans les 48 h", figures["to_come_within_48h"])
    line("Vus aujourd'hui", figures["honoured"])
    line("Absents ou portes closes", figures["missed"])
    helped = ", ".join(f"{MT_HELP[answer]} {count}" for answer, count in sorted(figures["mt_help"].items()))
    line(
        "Vers un médecin traitant", figures["searches_opened"], f"actives : {figures['searches_active']} · aide souhaitée : {helped or '–'}"
    )
    ends = ", ".join(f"{OUTCOMES.get(code, code)} {count}" for code, count in figures["outcomes"].items())
    line("Où en sont les demandes", requests, ends)
    staff = figures["staffing"]
    line(
        "Équipe supposée",
        staff["doctors"],
        f"médecins · secrétaires {staff['secretaries']}, ARM {staff['arm']}, régulateurs {staff['regulators']}",
    )
    return table


def _delays(figures: dict[str, Any]) -> Table:
    table = Table("Délai", "nombre", "médiane", "9 sur 10", title="Délais", title_justify="left")
    for column in table.columns[1:]:
        column.justify = "right"
    for name, delay in figures["delays"].items():
        table.add_row(DELAYS[name], str(delay["count"]), duration(delay["median_seconds"]), duration(delay["p90_seconds"]))
    return table


def _load(figures: dict[str, Any]) -> Table:
    table = Table("Médecin", "", "réservé", "offert", "charge", *MODES.values(), title="Charge du jour", title_justify="left")
    for column in table.columns[2:]:
        column.justify = "right"
    for line in figures["load"]:
        modes = [
            f"{line['modes'][mode]['booked']}/{line['modes'][mode]['offered']}" if line["modes"][mode]["offered"] else "" for mode in MODES
        ]
        table.add_row(
            line["name"], line["status"], str(line["booked"]), str(line["offered"]), share(line["booked"], line["offered"]), *modes
        )
    return table


def _acts(figures: dict[str, Any]) -> Table:
    table = Table("Code", "nombre", "montant", title="Actes proposés (à confirmer par le médecin)", title_justify="left")
    for column in table.columns[1:]:
        column.justify = "right"
    for code, act in figures["acts"].items():
        table.add_row(code, str(act["count"]), euros(act["euros"]))
    table.add_section()
    table.add_row("total", "", euros(figures["acts_euros"]))
    return table


def _invariants(figures: dict[str, Any]) -> Table:
    table = Table("Promesse", "", "écarts", title="Vérifié dans les bases et le journal", title_justify="left")
    table.columns[2].justify = "right"
    for name, words in (("lost", "rien de perdu"), ("duplicated", "rien en double"), ("double_booked", "aucun créneau donné deux fois")):
        kept = figures[name] == 0
        table.add_row(words, Text("tenue", style="green") if kept else Text("ROMPUE", style="bold red"), str(figures[name]))
    machine = figures["machine"]
    table.caption = (
        f"{figures['events']} événements · {machine['commands']} commandes · journée jouée en {figures['wall_seconds']:.1f} s\n"
        f"décisions {figures['decisions_digest'][:16]} · demande {figures['demand_digest'][:16]}"
    )
    return table
