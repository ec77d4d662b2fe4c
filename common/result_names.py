"""Names of the files that a job leaves. Standard library only: a failure is told with them."""

MODEL_FILE = "lightgbmmt_model.txt"

IMPUTE_DICT = "impute_dict.pkl"
RISK_TABLE_MAP = "risk_table_map.pkl"
SELECTED_FEATURES = "selected_features.json"
FEATURE_COLUMNS = "feature_columns.txt"
HYPERPARAMETERS = "hyperparameters.json"

# The model file comes last: it marks the directory as complete.
MODEL_DIRECTORY_FILES = (
    IMPUTE_DICT,
    RISK_TABLE_MAP,
    SELECTED_FEATURES,
    "training_state.json",
    FEATURE_COLUMNS,
    HYPERPARAMETERS,
    "weight_evolution.json",
    "feature_importance.json",
    MODEL_FILE,
)
# Made for the model beside it by later steps, and wrong beside any other.
MADE_FOR_A_MODEL = ("calibration",)

REPORT_FILE = "report.html"
EVALUATION_FILES = (REPORT_FILE, "test.tar.gz", "val.tar.gz")
