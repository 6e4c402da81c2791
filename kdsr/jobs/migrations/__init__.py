"""Alembic's steps from one form of the database of runs to the next; a step that was released never changes.

A new step: a file that begins as the last one does, with the next whole number as its `revision`. Then change the
tables in `kdsr/jobs/tables.py` to match, and `NEWEST` there.
"""
