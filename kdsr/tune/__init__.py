"""A recipe found by itself: short trials of a student, stopped early, of which the best is trained to its end."""
