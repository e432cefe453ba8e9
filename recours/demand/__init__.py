"""A day of calls of a territory, made from its assumptions and a seed: pure, the same seed gives the same demand byte for byte."""

from recours.demand.assumptions import Assumptions, BadAssumptions
from recours.demand.generate import generate_day
from recours.demand.model import Call, Demand, Limits, Need, Person, VitalAnswers

__all__ = ["Assumptions", "BadAssumptions", "Call", "Demand", "Limits", "Need", "Person", "VitalAnswers", "generate_day"]
