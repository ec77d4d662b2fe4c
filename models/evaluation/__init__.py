"""What predictions are worth: metrics and curves."""
