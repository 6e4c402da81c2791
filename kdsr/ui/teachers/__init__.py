"""Published teachers in the page: offered where a teacher is chosen, downloaded once however many ask, with progress.

Not here: the teachers themselves (`kdsr.zoo.teachers`).
"""
