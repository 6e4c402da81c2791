"""What a student learns from: losses, and the objective that weighs them."""

from kdsr.distill.objective import LOSSES, Loss, OutputObjective, find_loss

__all__ = ["LOSSES", "Loss", "OutputObjective", "find_loss"]
