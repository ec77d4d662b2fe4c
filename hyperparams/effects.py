"""Which accepted knobs do nothing in a given job, so that the log can say so."""

from hyperparams.schema import Knobs


def without_effect(hp: Knobs, *, risk_tables_given: bool, has_checkpoints: bool) -> dict[str, str]:
    """Return the knobs that were set but have no effect, with the reason, in schema order.

    Args:
        hp: the job's hyperparameters. Knobs left at their default are not reported.
        risk_tables_given: the job uses precomputed risk tables.
        has_checkpoints: the job has a folder for checkpoints.
    """
    reasons = {
        **_loss_reasons(hp),
        **_tree_reasons(hp),
        **_risk_table_reasons(hp, risk_tables_given),
        **_course_reasons(hp, has_checkpoints),
    }
    return {
        knob: reasons[knob]
        for knob in type(hp).model_fields
        if knob in reasons and knob in hp.model_fields_set
    }


def _loss_reasons(hp: Knobs) -> dict[str, str]:
    reasons = {
        "loss_cache_predictions": "task probabilities are always computed once per iteration",
        "loss_precompute_indices": "task indices are always built once",
    }
    unused = f"loss_type is {hp.loss_type}"
    if hp.loss_type == "fixed":
        for knob in ("loss_weight_lr", "loss_weight_method", "loss_weight_update_frequency"):
            reasons[knob] = unused
    else:
        reasons |= _weight_reasons(hp)
    if hp.loss_type != "adaptive_kd":
        for knob in ("loss_patience", "loss_kd_weight", "loss_kd_teacher"):
            reasons[knob] = unused
    elif hp.loss_kd_weight == 0:
        reasons["loss_kd_teacher"] = "loss_kd_weight is 0"
    elif hp.num_iterations // hp.eval_frequency < hp.loss_patience:
        few = "num_iterations has fewer evaluations (eval_frequency) than loss_patience asks for"
        reasons |= dict.fromkeys(("loss_kd_weight", "loss_kd_teacher"), few)
    return reasons


def _weight_reasons(hp: Knobs) -> dict[str, str]:
    """Of a loss whose weights move."""
    reasons = {}
    ten = hp.loss_weight_method == "tenIters"
    if ten:
        reasons["loss_weight_update_frequency"] = "loss_weight_method is tenIters"
    still = ""
    if (10 if ten else hp.loss_weight_update_frequency) >= hp.num_iterations:
        still = "no tree is left after the first update of the weights"
        reasons["loss_weight_lr"] = still
    elif hp.loss_weight_lr == 0:
        still = "loss_weight_lr is 0"
        reasons["loss_weight_update_frequency"] = still
    if still:
        reasons["loss_weight_method"] = still
    return reasons


def _course_reasons(hp: Knobs, has_checkpoints: bool) -> dict[str, str]:
    reasons = {}
    if hp.early_stopping_rounds == 0:
        reasons["early_stopping_metric"] = "early_stopping_rounds is 0"
    elif hp.num_iterations <= hp.eval_frequency:
        only = "the only evaluation (eval_frequency) is that of all trees"
        reasons |= dict.fromkeys(("early_stopping_rounds", "early_stopping_metric"), only)
    if not has_checkpoints:
        reasons["checkpoint_frequency"] = "there is no folder for checkpoints"
    return reasons


def _tree_reasons(hp: Knobs) -> dict[str, str]:
    reasons = {}
    if hp.bagging_fraction == 1:
        reasons["bagging_freq"] = "bagging_fraction is 1"
    elif hp.bagging_freq == 0:
        reasons["bagging_fraction"] = "bagging_freq is 0"
    # 2**17 is the most leaves that the schema admits; a larger power may not fit into memory.
    most = 2 ** min(hp.max_depth, 17)
    if hp.max_depth > 0 and hp.num_leaves > most:
        reasons["num_leaves"] = f"max_depth {hp.max_depth} allows {most} leaves"
    if not hp.quantizes_gradients:
        reasons["num_grad_quant_bins"] = (
            "use_quantized_grad is false"
            if hp.use_quantized_grad is False
            else "gradients are not quantized where rows or features are sampled"
        )
    return reasons


def _risk_table_reasons(hp: Knobs, given: bool) -> dict[str, str]:
    if not hp.cat_field_list:
        reason = "cat_field_list is empty"
    elif given:
        reason = "the risk tables are precomputed"
    else:
        return {}
    return dict.fromkeys(("risk_table_smoothing", "risk_table_folds", "risk_tables"), reason)
