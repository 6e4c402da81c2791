"""Losses between class scores (N, K): the general case of distillation, for networks that classify.

Scores are what comes before the softmax, of any scale. No gradient reaches the teacher.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from kdsr.errors import SettingsError, ShapeError


def soft_labels(student_scores: Tensor, teacher_scores: Tensor, *, temperature: float) -> Tensor:
    """T^2 * KL(teacher || student) of the class probabilities softened by the temperature T: a scalar in nats, at least
    0, 0 is best.

    Mean over the N rows. The factor T^2 keeps the gradient's size when T changes.
    Source: Hinton, Vinyals, Dean, arXiv:1503.02531, section 2.
    Raises:
        ShapeError: scores of different shapes, or not (N, K).
        SettingsError: a temperature that is not above 0.
    """
    if student_scores.ndim != 2 or student_scores.shape != teacher_scores.shape:
        got = f"{tuple(student_scores.shape)} and {tuple(teacher_scores.shape)}"
        raise ShapeError(
            f"soft_labels needs scores (N, K) of one shape, got {got}; "
            "give student and teacher the same rows and classes."
        )
    if not temperature > 0:
        raise SettingsError(f"The temperature must be above 0, got {temperature:g}; 1 leaves the scores as they are.")
    student = F.log_softmax(student_scores.float() / temperature, dim=1)
    teacher = F.log_softmax(teacher_scores.detach().float() / temperature, dim=1)
    return F.kl_div(student, teacher, reduction="batchmean", log_target=True) * temperature**2


def hinton(
    student_scores: Tensor, teacher_scores: Tensor, labels: Tensor, *, temperature: float, alpha: float
) -> Tensor:
    """`alpha` * cross-entropy to the labels + (1 - `alpha`) * `soft_labels`: a scalar in nats, at least 0, lower is
    better.

    `labels` (N,) int64 in 0 .. K - 1; `alpha` in [0, 1], 1 is learning without a teacher.
    Source: arXiv:1503.02531, section 2.
    Raises:
        ShapeError: scores of different shapes, or labels that are not (N,) int64.
        SettingsError: a temperature that is not above 0, or a share outside [0, 1].
    """
    if labels.shape != student_scores.shape[:1] or labels.dtype != torch.int64:
        got = f"{tuple(labels.shape)} {labels.dtype}"
        raise ShapeError(
            f"hinton needs one int64 label for each row of scores {tuple(student_scores.shape)}, got {got}; "
            "give class numbers."
        )
    if not 0.0 <= alpha <= 1.0:
        raise SettingsError(f"The share of the labels, alpha, must lie between 0 and 1, got {alpha:g}.")
    soft = soft_labels(student_scores, teacher_scores, temperature=temperature)
    return alpha * F.cross_entropy(student_scores.float(), labels) + (1.0 - alpha) * soft
