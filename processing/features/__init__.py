"""From columns to features: imputation, risk tables, selection."""
