"""The four functions by which SageMaker's framework containers score.

    scores = predict_fn(input_fn(body, "text/csv"), model_fn("/opt/ml/model"))
    body, content_type = output_fn(scores, "application/json")

The server of `lightgbmmt_serving.py` calls the same ones. docs/scoring.md says which types are read
and written.
"""

from serving.handler import input_fn, model_fn, output_fn, predict_fn

__all__ = ["input_fn", "model_fn", "output_fn", "predict_fn"]
