"""Training in closed form: a schedule is a filter on the train spectrum."""

# importing these modules registers the solvers of their phases
from isoloss.dynamics import flow, gradient_descent, momentum
from isoloss.dynamics.finishing import finish
from isoloss.dynamics.path import Path
from isoloss.dynamics.run import Run
from isoloss.dynamics.simulating import SimulatedPoints, Simulation, simulate
from isoloss.dynamics.training import train

__all__ = [
    "Path",
    "Run",
    "SimulatedPoints",
    "Simulation",
    "finish",
    "flow",
    "gradient_descent",
    "momentum",
    "simulate",
    "train",
]
