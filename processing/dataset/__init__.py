"""The job's splits: tasks, labels and weights of the tables that were read."""
