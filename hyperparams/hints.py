"""What to say about names that people try and that are no knobs: what does the same, or why not.

The names are LightGBM's (4.7), XGBoost's, CatBoost's, scikit-learn's and those of deep learning.
"""

# Sentence: the names that it is about.
_HINTS: dict[str, str] = {
    "rare positives need no weight here: every task's gradients are scaled alike, and "
    "probabilities stay calibrated; rows are weighted by sample_weight_name or "
    "task_weight_columns": """
        scale_pos_weight is_unbalance unbalance unbalanced_sets auto_class_weights
        class_weight pos_weight
    """,
    "positives and negatives are not sampled apart; bagging_fraction samples rows": """
        pos_bagging_fraction pos_bagging pos_sub_row pos_subsample neg_bagging_fraction
        neg_bagging neg_sub_row neg_subsample bagging_by_query
    """,
    "early_stopping_rounds does that, counted in iterations (trees), 0 or null for never": """
        early_stopping_patience patience early_stop early_stop_patience use_early_stopping
    """,
    "any improvement counts for early_stopping_rounds": """
        early_stopping_min_delta min_delta tol
    """,
    "there are no passes over the data: num_iterations is the number of trees": """
        epochs n_epochs num_epochs num_train_epochs epoch
    """,
    "early_stopping_metric says what early stopping watches (main_auc, mean_auc, mean_logloss); "
    "metrics.json has all metrics of every task": """
        eval_metric metrics metric_types custom_metric scoring first_metric_only eval_at
        map_at ndcg_at map_eval_at ndcg_eval_at is_provide_training_metric
        is_training_metric training_metric train_metric monitor
    """,
    "every task is binary with the logistic loss; loss_type says how the tasks are weighted": """
        objective_type application app num_class n_classes sigmoid objective_seed reg_sqrt
        fair_c tweedie_variance_power poisson_max_delta_step lambdarank_norm
        lambdarank_truncation_level lambdarank_position_bias_regularization label_gain
        auc_mu_weights multi_error_top_k group_column group group_id query query_id
        query_column
    """,
    "columns are named by tab_field_list, cat_field_list, label_name, task_label_names, id_name "
    "and sample_weight_name; all others are ignored": """
        features feature_columns feature_names numerical_features cat_features
        categorical_features categorical_column cat_column cat_feature ignore_column
        ignore_feature ignored_features blacklist
    """,
    "categories become the main task's risks, by risk_table_smoothing and risk_table_folds": """
        cat_smooth cat_l2 max_cat_threshold max_cat_to_onehot min_data_per_group
        one_hot_max_size max_ctr_complexity enable_categorical
    """,
    "boosting_type gbdt is the only one, with all rows or a random part of them "
    "(bagging_fraction)": """
        drop_rate rate_drop skip_drop max_drop drop_seed uniform_drop xgboost_dart_mode
        top_rate other_rate data_sample_strategy sampling_method extra_trees extra_tree
        linear_tree linear_trees linear_lambda
    """,
    "seed is the one seed of everything that is random": """
        bagging_seed bagging_fraction_seed feature_fraction_seed extra_seed
    """,
    "the same data, hyperparameters and seed always give the same model": """
        deterministic
    """,
    "features are sampled once per tree, by feature_fraction": """
        feature_fraction_bynode colsample_bynode sub_feature_bynode colsample_bylevel
    """,
    "lambda_l2 draws leaf values towards those of the parent node, as path_smooth does": """
        path_smooth max_delta_step max_leaf_output max_tree_output quant_train_renew_leaf
    """,
    "gradients are quantized by use_quantized_grad with num_grad_quant_bins levels, rounded to "
    "the nearest": """
        stochastic_rounding
    """,
    "trees start from each task's base rate; calibrate_intercept corrects the finished model": """
        boost_from_average base_score init_score
    """,
    "trees grow leaf by leaf from histograms, bounded by num_leaves and max_depth": """
        tree_method grow_policy splitter criterion
    """,
    "trees are shared by all tasks, each leaf with one value per task; nothing needs to be set": """
        multi_strategy num_labels num_label
    """,
    "bins and memory are LightGBM's business; max_bin is the one knob for them": """
        min_data_in_bin max_bin_by_feature bin_construct_sample_cnt subsample_for_bin
        forcedbins_filename enable_bundle is_enable_bundle bundle is_enable_sparse
        is_sparse enable_sparse sparse histogram_pool_size hist_pool_size force_col_wise
        force_row_wise feature_pre_filter two_round two_round_loading
        use_two_round_loading save_binary is_save_binary is_save_binary_file
    """,
    "splits cannot be forced or priced feature by feature": """
        forcedsplits_filename forced_splits_filename forced_splits_file forced_splits fs
        feature_contri feature_contrib feature_penalty feature_weights fc fp cegb_tradeoff
        cegb_penalty_split cegb_penalty_feature_lazy cegb_penalty_feature_coupled
        refit_decay_rate
    """,
    "missing numbers are imputed by the training mean": """
        use_missing zero_as_missing missing nan_mode
    """,
    "the log has the progress at a readable pace, always": """
        verbosity verbose verbose_eval silent logging_level log_level
    """,
    "training runs on processors": """
        device_type task_type gpu_device_id gpu_device_id_list gpu_platform_id gpu_use_dp
        gpu_id num_gpu
    """,
    "data are found in the channels train, val and test, results go to the model and the output "
    "directory": """
        data train train_data train_data_file data_filename valid valid_data
        valid_data_file valid_filenames test test_data test_data_file output_model
        model_output model_out output_dir model_dir config config_file task has_header
        convert_model convert_model_file convert_model_language parser_config_file
        precise_float_parser saved_feature_importance_type validation_fraction test_size
    """,
    "this job trains; the model file is stock LightGBM's and takes its options of prediction": """
        output_result prediction_result predict_result prediction_name predict_name
        pred_name name_pred predict_raw_score is_predict_raw_score predict_rawscore
        raw_score predict_leaf_index is_predict_leaf_index leaf_index predict_contrib
        is_predict_contrib contrib predict_disable_shape_check pred_early_stop
        pred_early_stop_freq pred_early_stop_margin num_iteration_predict
        start_iteration_predict
    """,
    "hosts are the platform's: resourceconfig.json lists them, instance_count is their number": """
        tree_learner tree_learner_type tree_type tree num_machines num_machine machines
        workers nodes machine_list_filename machine_list_file machine_list mlist
        local_listen_port local_port port time_out pre_partition is_pre_partition top_k
        topk
    """,
    "this is no neural network": """
        dropout hidden_size hidden_layers weight_decay momentum warmup_steps num_workers
        scheduler
    """,
}
HINTS = {name: hint for hint, names in _HINTS.items() for name in names.split()}
