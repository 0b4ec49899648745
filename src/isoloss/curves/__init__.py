"""Logged training runs: loss curves, the law that they follow, and forecasts of other schedules."""

from isoloss.curves.examples import load
from isoloss.curves.fitting import fit
from isoloss.curves.forecast import Forecast
from isoloss.curves.forecast_comparison import Difference, ForecastComparison
from isoloss.curves.law import Law
from isoloss.curves.law_parameters import LawParameters
from isoloss.curves.loss_curve import LossCurve
from isoloss.curves.match_result import Match, MatchedRuns
from isoloss.curves.matching import match
from isoloss.curves.next_run import NextRun
from isoloss.curves.priors import PRIORS, Prior
from isoloss.curves.reading import read

__all__ = [
    "PRIORS",
    "Difference",
    "Forecast",
    "ForecastComparison",
    "Law",
    "LawParameters",
    "LossCurve",
    "Match",
    "MatchedRuns",
    "NextRun",
    "Prior",
    "fit",
    "load",
    "match",
    "read",
]
