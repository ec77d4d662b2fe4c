"""The trees that all tasks share, and the text model that holds them."""
