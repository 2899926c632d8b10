"""The typed signatures of the Python API. Made from the catalogue by tests/repo/make_stub.py."""

from collections.abc import Mapping
from typing import Literal, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from losscli.engine.api import LossWarning as LossWarning
from losscli.engine.api import compute as compute
from losscli.engine.likelihood import likelihood as likelihood
from losscli.engine.likelihood import mle as mle
from losscli.engine.result import Result as Result
from losscli.errors import DataError as DataError
from losscli.errors import LosscliError as LosscliError
from losscli.errors import OutputError as OutputError
from losscli.errors import UsageError as UsageError

__version__: str

@overload
def bce(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    unchecked_targets: bool = ...,
    sample_weight: ArrayLike | None = ...,
    reduction: Literal["mean", "sum"] = ...,
    base: Literal["e", "2", "10"] = ...,
    on_nan: Literal["error", "propagate", "skip"] = ...,
    on_empty: Literal["error", "nan", "zero"] = ...,
    threads: int | None = ...,
) -> float: ...
@overload
def bce(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    unchecked_targets: bool = ...,
    sample_weight: ArrayLike | None = ...,
    reduction: Literal["none"],
    base: Literal["e", "2", "10"] = ...,
    on_nan: Literal["error", "propagate", "skip"] = ...,
    on_empty: Literal["error", "nan", "zero"] = ...,
    threads: int | None = ...,
) -> NDArray[np.float64]: ...
@overload
def cross_entropy(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    class_weight: ArrayLike | Mapping[str, float] | None = ...,
    label_smoothing: float = ...,
    kind: Literal["logits", "log-probs", "probs", "auto"] = ...,
    class_axis: int | None = ...,
    ignore_index: int | None = ...,
    row_sum_tolerance: float = ...,
    normalize: bool = ...,
    unchecked_targets: bool = ...,
    sample_weight: ArrayLike | None = ...,
    reduction: Literal["mean", "sum"] = ...,
    base: Literal["e", "2", "10"] = ...,
    on_nan: Literal["error", "propagate", "skip"] = ...,
    on_empty: Literal["error", "nan", "zero"] = ...,
    threads: int | None = ...,
) -> float: ...
@overload
def cross_entropy(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    class_weight: ArrayLike | Mapping[str, float] | None = ...,
    label_smoothing: float = ...,
    kind: Literal["logits", "log-probs", "probs", "auto"] = ...,
    class_axis: int | None = ...,
    ignore_index: int | None = ...,
    row_sum_tolerance: float = ...,
    normalize: bool = ...,
    unchecked_targets: bool = ...,
    sample_weight: ArrayLike | None = ...,
    reduction: Literal["none"],
    base: Literal["e", "2", "10"] = ...,
    on_nan: Literal["error", "propagate", "skip"] = ...,
    on_empty: Literal["error", "nan", "zero"] = ...,
    threads: int | None = ...,
) -> NDArray[np.float64]: ...
@overload
def ctc(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    kind: Literal["logits", "log-probs", "probs", "auto"] = ...,
    layout: Literal["tnc", "ntc"] = ...,
    input_lengths: ArrayLike | None = ...,
    target_lengths: ArrayLike | None = ...,
    blank: int | Literal["last"] = ...,
    zero_infinity: bool = ...,
    mean_rule: Literal["torch", "sample", "label"] = ...,
    row_sum_tolerance: float = ...,
    sample_weight: ArrayLike | None = ...,
    reduction: Literal["mean", "sum"] = ...,
    base: Literal["e", "2", "10"] = ...,
    on_nan: Literal["error", "propagate", "skip"] = ...,
    on_empty: Literal["error", "nan", "zero"] = ...,
    threads: int | None = ...,
) -> float: ...
@overload
def ctc(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    kind: Literal["logits", "log-probs", "probs", "auto"] = ...,
    layout: Literal["tnc", "ntc"] = ...,
    input_lengths: ArrayLike | None = ...,
    target_lengths: ArrayLike | None = ...,
    blank: int | Literal["last"] = ...,
    zero_infinity: bool = ...,
    mean_rule: Literal["torch", "sample", "label"] = ...,
    row_sum_tolerance: float = ...,
    sample_weight: ArrayLike | None = ...,
    reduction: Literal["none"],
    base: Literal["e", "2", "10"] = ...,
    on_nan: Literal["error", "propagate", "skip"] = ...,
    on_empty: Literal["error", "nan", "zero"] = ...,
    threads: int | None = ...,
) -> NDArray[np.float64]: ...
@overload
def gaussian_nll(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    variance: ArrayLike | None = ...,
    std: ArrayLike | None = ...,
    full: bool = ...,
    eps: float = ...,
    sample_weight: ArrayLike | None = ...,
    reduction: Literal["mean", "sum"] = ...,
    base: Literal["e", "2", "10"] = ...,
    on_nan: Literal["error", "propagate", "skip"] = ...,
    on_empty: Literal["error", "nan", "zero"] = ...,
    threads: int | None = ...,
) -> float: ...
@overload
def gaussian_nll(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    variance: ArrayLike | None = ...,
    std: ArrayLike | None = ...,
    full: bool = ...,
    eps: float = ...,
    sample_weight: ArrayLike | None = ...,
    reduction: Literal["none"],
    base: Literal["e", "2", "10"] = ...,
    on_nan: Literal["error", "propagate", "skip"] = ...,
    on_empty: Literal["error", "nan", "zero"] = ...,
    threads: int | None = ...,
) -> NDArray[np.float64]: ...
@overload
def hinge(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    sample_weight: ArrayLike | None = ...,
    reduction: Literal["mean", "sum"] = ...,
    base: Literal["e", "2", "10"] = ...,
    on_nan: Literal["error", "propagate", "skip"] = ...,
    on_empty: Literal["error", "nan", "zero"] = ...,
    threads: int | None = ...,
) -> float: ...
@overload
def hinge(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    sample_weight: ArrayLike | None = ...,
    reduction: Literal["none"],
    base: Literal["e", "2", "10"] = ...,
    on_nan: Literal["error", "propagate", "skip"] = ...,
    on_empty: Literal["error", "nan", "zero"] = ...,
    threads: int | None = ...,
) -> NDArray[np.float64]: ...
@overload
def huber(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    delta: float = ...,
    sample_weight: ArrayLike | None = ...,
    reduction: Literal["mean", "sum"] = ...,
    base: Literal["e", "2", "10"] = ...,
    on_nan: Literal["error", "propagate", "skip"] = ...,
    on_empty: Literal["error", "nan", "zero"] = ...,
    threads: int | None = ...,
) -> float: ...
@overload
def huber(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    delta: float = ...,
    sample_weight: ArrayLike | None = ...,
    reduction: Literal["none"],
    base: Literal["e", "2", "10"] = ...,
    on_nan: Literal["error", "propagate", "skip"] = ...,
    on_empty: Literal["error", "nan", "zero"] = ...,
    threads: int | None = ...,
) -> NDArray[np.float64]: ...
@overload
def l1(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    sample_weight: ArrayLike | None = ...,
    reduction: Literal["mean", "sum"] = ...,
    base: Literal["e", "2", "10"] = ...,
    on_nan: Literal["error", "propagate", "skip"] = ...,
    on_empty: Literal["error", "nan", "zero"] = ...,
    threads: int | None = ...,
) -> float: ...
@overload
def l1(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    sample_weight: ArrayLike | None = ...,
    reduction: Literal["none"],
    base: Literal["e", "2", "10"] = ...,
    on_nan: Literal["error", "propagate", "skip"] = ...,
    on_empty: Literal["error", "nan", "zero"] = ...,
    threads: int | None = ...,
) -> NDArray[np.float64]: ...
@overload
def l2(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    sample_weight: ArrayLike | None = ...,
    reduction: Literal["mean", "sum"] = ...,
    base: Literal["e", "2", "10"] = ...,
    on_nan: Literal["error", "propagate", "skip"] = ...,
    on_empty: Literal["error", "nan", "zero"] = ...,
    threads: int | None = ...,
) -> float: ...
@overload
def l2(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    sample_weight: ArrayLike | None = ...,
    reduction: Literal["none"],
    base: Literal["e", "2", "10"] = ...,
    on_nan: Literal["error", "propagate", "skip"] = ...,
    on_empty: Literal["error", "nan", "zero"] = ...,
    threads: int | None = ...,
) -> NDArray[np.float64]: ...
@overload
def mse(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    sample_weight: ArrayLike | None = ...,
    reduction: Literal["mean", "sum"] = ...,
    base: Literal["e", "2", "10"] = ...,
    on_nan: Literal["error", "propagate", "skip"] = ...,
    on_empty: Literal["error", "nan", "zero"] = ...,
    threads: int | None = ...,
) -> float: ...
@overload
def mse(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    sample_weight: ArrayLike | None = ...,
    reduction: Literal["none"],
    base: Literal["e", "2", "10"] = ...,
    on_nan: Literal["error", "propagate", "skip"] = ...,
    on_empty: Literal["error", "nan", "zero"] = ...,
    threads: int | None = ...,
) -> NDArray[np.float64]: ...
@overload
def nll(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    class_weight: ArrayLike | Mapping[str, float] | None = ...,
    kind: Literal["logits", "log-probs", "probs", "auto"] = ...,
    class_axis: int | None = ...,
    ignore_index: int | None = ...,
    row_sum_tolerance: float = ...,
    normalize: bool = ...,
    sample_weight: ArrayLike | None = ...,
    reduction: Literal["mean", "sum"] = ...,
    base: Literal["e", "2", "10"] = ...,
    on_nan: Literal["error", "propagate", "skip"] = ...,
    on_empty: Literal["error", "nan", "zero"] = ...,
    threads: int | None = ...,
) -> float: ...
@overload
def nll(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    class_weight: ArrayLike | Mapping[str, float] | None = ...,
    kind: Literal["logits", "log-probs", "probs", "auto"] = ...,
    class_axis: int | None = ...,
    ignore_index: int | None = ...,
    row_sum_tolerance: float = ...,
    normalize: bool = ...,
    sample_weight: ArrayLike | None = ...,
    reduction: Literal["none"],
    base: Literal["e", "2", "10"] = ...,
    on_nan: Literal["error", "propagate", "skip"] = ...,
    on_empty: Literal["error", "nan", "zero"] = ...,
    threads: int | None = ...,
) -> NDArray[np.float64]: ...
@overload
def perplexity(
    predictions: ArrayLike,
    targets: ArrayLike | None = ...,
    *,
    kind: Literal["logits", "log-probs", "probs", "token-log-probs", "token-probs", "auto"] = ...,
    shift: int = ...,
    lengths: ArrayLike | None = ...,
    prompt_lengths: ArrayLike | None = ...,
    mask: ArrayLike | None = ...,
    bytes: ArrayLike | None = ...,
    ignore_index: int | None = ...,
    row_sum_tolerance: float = ...,
    normalize: bool = ...,
    sample_weight: ArrayLike | None = ...,
    reduction: Literal["mean", "sum"] = ...,
    base: Literal["e", "2", "10"] = ...,
    on_nan: Literal["error", "propagate", "skip"] = ...,
    on_empty: Literal["error", "nan", "zero"] = ...,
    threads: int | None = ...,
) -> float: ...
@overload
def perplexity(
    predictions: ArrayLike,
    targets: ArrayLike | None = ...,
    *,
    kind: Literal["logits", "log-probs", "probs", "token-log-probs", "token-probs", "auto"] = ...,
    shift: int = ...,
    lengths: ArrayLike | None = ...,
    prompt_lengths: ArrayLike | None = ...,
    mask: ArrayLike | None = ...,
    bytes: ArrayLike | None = ...,
    ignore_index: int | None = ...,
    row_sum_tolerance: float = ...,
    normalize: bool = ...,
    sample_weight: ArrayLike | None = ...,
    reduction: Literal["none"],
    base: Literal["e", "2", "10"] = ...,
    on_nan: Literal["error", "propagate", "skip"] = ...,
    on_empty: Literal["error", "nan", "zero"] = ...,
    threads: int | None = ...,
) -> NDArray[np.float64]: ...
@overload
def pseudo_huber(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    delta: float = ...,
    sample_weight: ArrayLike | None = ...,
    reduction: Literal["mean", "sum"] = ...,
    base: Literal["e", "2", "10"] = ...,
    on_nan: Literal["error", "propagate", "skip"] = ...,
    on_empty: Literal["error", "nan", "zero"] = ...,
    threads: int | None = ...,
) -> float: ...
@overload
def pseudo_huber(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    delta: float = ...,
    sample_weight: ArrayLike | None = ...,
    reduction: Literal["none"],
    base: Literal["e", "2", "10"] = ...,
    on_nan: Literal["error", "propagate", "skip"] = ...,
    on_empty: Literal["error", "nan", "zero"] = ...,
    threads: int | None = ...,
) -> NDArray[np.float64]: ...
@overload
def sequence_nll(
    predictions: ArrayLike,
    targets: ArrayLike | None = ...,
    *,
    kind: Literal["logits", "log-probs", "probs", "token-log-probs", "token-probs", "auto"] = ...,
    shift: int = ...,
    lengths: ArrayLike | None = ...,
    prompt_lengths: ArrayLike | None = ...,
    mask: ArrayLike | None = ...,
    bytes: ArrayLike | None = ...,
    ignore_index: int | None = ...,
    row_sum_tolerance: float = ...,
    normalize: bool = ...,
    sample_weight: ArrayLike | None = ...,
    reduction: Literal["mean", "sum"] = ...,
    base: Literal["e", "2", "10"] = ...,
    on_nan: Literal["error", "propagate", "skip"] = ...,
    on_empty: Literal["error", "nan", "zero"] = ...,
    threads: int | None = ...,
) -> float: ...
@overload
def sequence_nll(
    predictions: ArrayLike,
    targets: ArrayLike | None = ...,
    *,
    kind: Literal["logits", "log-probs", "probs", "token-log-probs", "token-probs", "auto"] = ...,
    shift: int = ...,
    lengths: ArrayLike | None = ...,
    prompt_lengths: ArrayLike | None = ...,
    mask: ArrayLike | None = ...,
    bytes: ArrayLike | None = ...,
    ignore_index: int | None = ...,
    row_sum_tolerance: float = ...,
    normalize: bool = ...,
    sample_weight: ArrayLike | None = ...,
    reduction: Literal["none"],
    base: Literal["e", "2", "10"] = ...,
    on_nan: Literal["error", "propagate", "skip"] = ...,
    on_empty: Literal["error", "nan", "zero"] = ...,
    threads: int | None = ...,
) -> NDArray[np.float64]: ...
@overload
def sigmoid_cross_entropy(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    unchecked_targets: bool = ...,
    sample_weight: ArrayLike | None = ...,
    reduction: Literal["mean", "sum"] = ...,
    base: Literal["e", "2", "10"] = ...,
    on_nan: Literal["error", "propagate", "skip"] = ...,
    on_empty: Literal["error", "nan", "zero"] = ...,
    threads: int | None = ...,
) -> float: ...
@overload
def sigmoid_cross_entropy(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    unchecked_targets: bool = ...,
    sample_weight: ArrayLike | None = ...,
    reduction: Literal["none"],
    base: Literal["e", "2", "10"] = ...,
    on_nan: Literal["error", "propagate", "skip"] = ...,
    on_empty: Literal["error", "nan", "zero"] = ...,
    threads: int | None = ...,
) -> NDArray[np.float64]: ...
@overload
def weighted_cross_entropy(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    pos_weight: ArrayLike = ...,
    unchecked_targets: bool = ...,
    sample_weight: ArrayLike | None = ...,
    reduction: Literal["mean", "sum"] = ...,
    base: Literal["e", "2", "10"] = ...,
    on_nan: Literal["error", "propagate", "skip"] = ...,
    on_empty: Literal["error", "nan", "zero"] = ...,
    threads: int | None = ...,
) -> float: ...
@overload
def weighted_cross_entropy(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    pos_weight: ArrayLike = ...,
    unchecked_targets: bool = ...,
    sample_weight: ArrayLike | None = ...,
    reduction: Literal["none"],
    base: Literal["e", "2", "10"] = ...,
    on_nan: Literal["error", "propagate", "skip"] = ...,
    on_empty: Literal["error", "nan", "zero"] = ...,
    threads: int | None = ...,
) -> NDArray[np.float64]: ...
