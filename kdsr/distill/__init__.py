"""Distillation: losses, the objective that weighs them, and features by module name."""

from kdsr.distill.objective import Balance, Objective, ObjectiveInputs, Term
from kdsr.distill.registry import LOSSES, Loss, find_loss
from kdsr.distill.taps import Tapped, channels_at

__all__ = ["LOSSES", "Balance", "Loss", "Objective", "ObjectiveInputs", "Tapped", "Term", "channels_at", "find_loss"]
