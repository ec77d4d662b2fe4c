"""A model directory and raw rows: probabilities, reasons, calibrated probabilities."""
