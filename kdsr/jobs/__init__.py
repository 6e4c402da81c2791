"""Background runs that survive the tab, the worker and the app: a queue in a database, workers, and who may do what."""

from kdsr.jobs.run import Run, curve, public
from kdsr.jobs.service import Jobs
from kdsr.jobs.states import ACTIVE, WAITING, State

__all__ = ["ACTIVE", "WAITING", "Jobs", "Run", "State", "curve", "public"]
